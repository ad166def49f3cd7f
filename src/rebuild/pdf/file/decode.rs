//! Decodes streams (ISO 32000-1, 7.4) and object streams (7.5.7) within a budget of bytes.

use std::cell::Cell;

use super::object::{Dict, Object, Reader, is_space};
use crate::rebuild::Fault;

fn unread() -> Fault {
    Fault::new("pdf.filter", "a stream with an unsupported filter")
}

/// Applies the filters that `dict` names to `data`, resolving references through `resolve`. The size of the output, in
/// bytes, is deducted from `budget`.
///
/// # Errors
/// `pdf.filter` for an unsupported filter, `pdf.bomb` for damaged data or an exhausted budget.
pub(super) fn decode<'o>(
    dict: &'o Dict,
    data: &[u8],
    resolve: &dyn Fn(&'o Object) -> &'o Object,
    budget: &Cell<usize>,
) -> Result<Vec<u8>, Fault> {
    let at = |key: &str| dict.get(key).map(resolve).filter(|o| **o != Object::Null);
    let row = |key: &str| match at(key) {
        None => Vec::new(),
        Some(Object::List(list)) => list.iter().map(resolve).collect(),
        Some(one) => vec![one],
    };
    if ["F", "FFilter", "FDecodeParms"].iter().any(|key| at(key).is_some()) {
        return Err(unread());
    }
    let names: Option<Vec<&str>> = row("Filter").into_iter().map(Object::name).collect();
    let (text, flate) = match names.ok_or_else(unread)?.as_slice() {
        [] => (false, false),
        ["FlateDecode" | "Fl"] => (false, true),
        ["ASCII85Decode" | "A85"] => (true, false),
        ["ASCII85Decode" | "A85", "FlateDecode" | "Fl"] => (true, true),
        _ => return Err(unread()),
    };
    let mut how = row("DecodeParms");
    let last = how.pop();
    if how.iter().any(|o| **o != Object::Null) || !flate && last.is_some_and(|o| *o != Object::Null) {
        return Err(unread());
    }
    let from_text;
    let data = if text {
        from_text = ascii85(data).ok_or_else(unread)?;
        &from_text
    } else {
        data
    };
    let bomb = |what: &str| Fault::new("pdf.bomb", what);
    let mut bytes = if flate {
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(data, budget.get())
            .map_err(|_| bomb("a stream that is damaged or decompresses to too much data"))?
    } else {
        data.to_vec()
    };
    let left = budget.get().checked_sub(bytes.len());
    budget.set(left.ok_or_else(|| bomb("streams that decompress to too much data"))?);
    match last {
        None | Some(Object::Null) => {}
        Some(Object::Dict(parameters)) => bytes = unpredict(bytes, parameters, resolve)?,
        Some(_) => return Err(unread()),
    }
    Ok(bytes)
}

/// Deducts a number of values from `budget`.
///
/// # Errors
/// `pdf.size` if it is exhausted.
pub(super) fn charge_values(budget: &Cell<usize>, values: usize) -> Result<(), Fault> {
    let left = budget.get().checked_sub(values);
    budget.set(left.ok_or_else(|| Fault::new("pdf.size", "more values than a file of this size may have"))?);
    Ok(())
}

/// Decodes ASCII base-85 (7.4.3): five characters for four bytes. Nothing may follow the end marker.
fn ascii85(text: &[u8]) -> Option<Vec<u8>> {
    let mut letters = text.iter().copied().filter(|b| !is_space(*b));
    let mut out = Vec::new();
    let mut group = Vec::with_capacity(5);
    loop {
        match letters.next()? {
            b'z' if group.is_empty() => out.extend([0; 4]),
            b'~' => break,
            b @ b'!'..=b'u' => group.push(b - b'!'),
            _ => return None,
        }
        if group.len() == 5 {
            out.extend(four(&group)?);
            group.clear();
        }
    }
    if group.len() == 1 || letters.next() != Some(b'>') || letters.next().is_some() {
        return None;
    }
    if !group.is_empty() {
        let bytes = group.len() - 1;
        group.resize(5, 84);
        out.extend(&four(&group)?[..bytes]);
    }
    Some(out)
}

fn four(group: &[u8]) -> Option<[u8; 4]> {
    let value = group.iter().fold(0u64, |value, digit| value * 85 + u64::from(*digit));
    Some(u32::try_from(value).ok()?.to_be_bytes())
}

/// Reverses a predictor (7.4.4.4). Only the PNG predictors are supported, with eight bits for each component.
fn unpredict<'o>(
    bytes: Vec<u8>,
    parameters: &'o Dict,
    resolve: &dyn Fn(&'o Object) -> &'o Object,
) -> Result<Vec<u8>, Fault> {
    let known = ["Type", "Predictor", "Colors", "BitsPerComponent", "Columns"];
    if parameters.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(unread());
    }
    let value = |key: &str, usual: usize| match parameters.get(key).map(resolve) {
        None | Some(Object::Null) => Ok(usual),
        Some(object) => object.count().ok_or_else(unread),
    };
    let (predictor, colours) = (value("Predictor", 1)?, value("Colors", 1)?);
    let (bits, columns) = (value("BitsPerComponent", 8)?, value("Columns", 1)?);
    match predictor {
        1 => return Ok(bytes),
        10..=15 if bits == 8 && (1..=4).contains(&colours) && (1..=1 << 16).contains(&columns) => {}
        _ => return Err(unread()),
    }
    let row = columns * colours;
    if !bytes.len().is_multiple_of(row + 1) {
        return Err(unread());
    }
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len());
    for line in bytes.chunks_exact(row + 1) {
        let begins = out.len();
        for (x, b) in line[1..].iter().enumerate() {
            let left = if x >= colours { out[begins + x - colours] } else { 0 };
            let above = if begins > 0 { out[begins + x - row] } else { 0 };
            let corner = if begins > 0 && x >= colours { out[begins + x - row - colours] } else { 0 };
            let predicted = match line[0] {
                0 => 0,
                1 => left,
                2 => above,
                3 => ((u16::from(left) + u16::from(above)) / 2) as u8,
                4 => paeth(left, above, corner),
                _ => return Err(unread()),
            };
            out.push(b.wrapping_add(predicted));
        }
    }
    Ok(out)
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(above), i16::from(corner));
    let estimate = a + b - c;
    let (to_a, to_b, to_c) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        corner
    }
}

/// Splits a decoded object stream into objects, each with its number. Every byte must belong to one of them; their
/// values are deducted from `budget`.
///
/// # Errors
/// `pdf.packed-objects` if it is malformed, `pdf.remnant` for unused bytes.
pub(super) fn objects(
    dict: &Dict,
    bytes: &[u8],
    depth_max: usize,
    budget: &Cell<usize>,
) -> Result<Vec<(u32, Object)>, Fault> {
    let broken = || Fault::new("pdf.packed-objects", "an invalid object stream");
    if dict.contains_key("Extends") {
        return Err(Fault::new("pdf.packed-objects", "an object stream that extends another"));
    }
    let count = |key: &str| dict.get(key).and_then(Object::count).ok_or_else(broken);
    let (count, first) = (count("N")?, count("First")?);
    // Each needs two numbers and two spaces, so no memory is reserved for more objects than can be there.
    if count == 0 || first > bytes.len() || count > first / 3 {
        return Err(broken());
    }
    let mut head = Reader::new(&bytes[..first], 0, depth_max, false);
    let mut starts = Vec::with_capacity(count);
    for _ in 0..count {
        let number = head.object()?.count().filter(|n| *n < 10_000_000).ok_or_else(broken)?;
        starts.push((number as u32, first + head.object()?.count().ok_or_else(broken)?));
    }
    let remnant = || Fault::new("pdf.remnant", "unused bytes between the objects of an object stream");
    if !bytes[head.at..first].iter().all(|b| is_space(*b)) {
        return Err(remnant());
    }
    let mut out = Vec::with_capacity(count);
    let mut ended = first;
    for (number, from) in starts {
        let gap = bytes.get(ended..from).ok_or_else(broken)?;
        if !gap.iter().all(|b| is_space(*b)) {
            return Err(remnant());
        }
        let mut reader = Reader::new(bytes, from, depth_max, true);
        match reader.object()? {
            Object::Keyword(_) => return Err(broken()),
            object => out.push((number, object)),
        }
        charge_values(budget, reader.values)?;
        ended = reader.at;
    }
    if !bytes[ended..].iter().all(|b| is_space(*b)) {
        return Err(remnant());
    }
    Ok(out)
}
