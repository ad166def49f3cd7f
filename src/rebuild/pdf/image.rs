//! Images (ISO 32000-1, 8.9): decoded, blended with white where they are transparent, and encoded again as JPEG.

use super::file::File;
use super::file::object::{Dict, Object, form};
use crate::rebuild::{Fault, Limits, Task, jpeg};

/// An image in the form in which it is written.
pub(super) struct Image {
    pub width: usize,
    pub height: usize,
    pub grey: bool,
    pub jpeg: Vec<u8>,
}

fn refused(what: &str) -> Fault {
    Fault::new("pdf.image", what)
}

/// Returns the number of components of a colour space: one for grey, three for RGB, four for CMYK; `None` for any
/// other. ICC profiles are dropped: the colour is written, and checked, as the device colour without it.
pub(super) fn parts(file: &File<'_>, space: &Object) -> Option<usize> {
    match file.resolve(space) {
        Object::Name(name) => match name.as_str() {
            "DeviceGray" | "CalGray" | "G" => Some(1),
            "DeviceRGB" | "CalRGB" | "RGB" => Some(3),
            "DeviceCMYK" | "CMYK" => Some(4),
            _ => None,
        },
        Object::List(list) => match (file.resolve(list.first()?).name()?, list.get(1)) {
            ("CalGray", _) => Some(1),
            ("CalRGB", _) => Some(3),
            ("ICCBased", Some(profile)) => {
                let count = file.dict(profile).and_then(|d| file.at(d, "N"))?.count();
                count.filter(|n| [1, 3, 4].contains(n))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Reads an image and encodes its pixels again.
///
/// # Errors
/// A [`Fault`] with a `pdf.*`, `image.*` or `jpeg.*` code if it is malformed, too large or of an unsupported type.
pub(super) fn read(file: &File<'_>, head: &Dict, data: &[u8], task: Task, limits: &Limits) -> Result<Image, Fault> {
    let at = |key: &str| file.at(head, key);
    if ["Mask", "ImageMask", "Decode", "Alternates", "OPI", "OC", "SMaskInData", "Matte"]
        .iter()
        .any(|k| at(k).is_some())
    {
        return Err(refused("an image with a mask or another image behind it"));
    }
    let (width, height) = sides(file, head, limits)?;
    if at("BitsPerComponent").and_then(Object::count) != Some(8) {
        return Err(refused("an image with other than 8 bits per component"));
    }
    let space = at("ColorSpace").ok_or_else(|| refused("an image without a colour space"))?;
    let palette = palette(file, space)?;
    let channels = match &palette {
        Some(_) => 1,
        None => parts(file, space)
            .filter(|n| *n != 4)
            .ok_or_else(|| refused("an image whose colours are neither grey nor RGB"))?,
    };
    let filter = match at("Filter") {
        Some(Object::List(list)) if list.len() == 1 => list[0].name(),
        other => other.and_then(Object::name),
    };
    // Palette colours have three components, and a soft mask adds one.
    let painted = if palette.is_some() { 3 } else { channels };
    // Count the samples again if the image is written as JPEG, which costs as much as all the rest.
    let written = if matches!(task, Task::Rebuild) { painted } else { 0 };
    file.charge_samples((width * height * (painted + written + usize::from(at("SMask").is_some()))) as u64)?;
    let lies = || refused("an image whose data do not match its stated size");
    let mut pixels = if filter == Some("DCTDecode") {
        if at("DecodeParms").is_some() || palette.is_some() {
            return Err(refused("a JPEG image with a palette or a second filter"));
        }
        let shape = jpeg::validate(data, limits)?;
        if (shape.width, shape.height, shape.channels) != (width, height, channels) {
            return Err(lies());
        }
        // Count them once more for a progressive JPEG, which is held in memory until its last scan.
        file.charge_samples(shape.samples() - (width * height * channels) as u64)?;
        if at("SMask").is_none() {
            let jpeg = match task {
                Task::Rebuild => jpeg::reencode(data, &shape, limits)?,
                Task::Examine | Task::Draw => jpeg::check_canonical(data, &shape)?,
            };
            return Ok(Image { width, height, grey: channels == 1, jpeg });
        }
        jpeg::pixels(data, &shape, limits)?
    } else {
        file.decoded(head, data)?
    };
    if pixels.len() != width * height * channels {
        return Err(lies());
    }
    let mut grey = channels == 1;
    if let Some(palette) = palette {
        let colours: Option<Vec<[u8; 3]>> = pixels.iter().map(|i| palette.get(usize::from(*i)).copied()).collect();
        pixels = colours.ok_or_else(|| refused("an image with a pixel outside its palette"))?.concat();
        grey = false;
    }
    let channels = if grey { 1 } else { 3 };
    if let Some(mask) = head.get("SMask").filter(|_| at("SMask").is_some()) {
        let alpha = mask_of(file, mask, (width, height), limits)?;
        for (pixel, alpha) in pixels.chunks_exact_mut(channels).zip(alpha) {
            pixel.iter_mut().for_each(|part| *part = crate::rebuild::raster::blend_on_white(*part, alpha));
        }
    }
    Ok(Image { width, height, grey, jpeg: jpeg::write(&pixels, width, height, channels) })
}

fn sides(file: &File<'_>, head: &Dict, limits: &Limits) -> Result<(usize, usize), Fault> {
    let side = |key: &str| file.at(head, key).and_then(Object::count).unwrap_or(0);
    let (width, height) = (side("Width"), side("Height"));
    crate::rebuild::raster::check_dimensions(width as u64, height as u64, limits)?;
    Ok((width, height))
}

/// Returns the palette of an indexed colour space; `None` if the space is not indexed.
fn palette(file: &File<'_>, space: &Object) -> Result<Option<Vec<[u8; 3]>>, Fault> {
    let Object::List(list) = space else { return Ok(None) };
    let &[kind, base, _, table] = list.iter().collect::<Vec<_>>().as_slice() else { return Ok(None) };
    if file.resolve(kind).name() != Some("Indexed") {
        return Ok(None);
    }
    let bytes = match (file.resolve(table), file.stream(table)) {
        (Object::Text(text), _) => text.clone(),
        (_, Some((head, data))) => file.decoded(head, data)?,
        _ => return Err(refused("an image without a colour space")),
    };
    match parts(file, base) {
        Some(1) => Ok(Some(bytes.into_iter().map(|grey| [grey; 3]).collect())),
        Some(3) => Ok(Some(bytes.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect())),
        _ => Err(refused("an image whose colours are neither grey nor RGB")),
    }
}

/// Returns the opacity of each pixel from a soft mask, a grey image. A mask of another size is sampled at the nearest
/// point, as viewers do.
fn mask_of(file: &File<'_>, mask: &Object, size: (usize, usize), limits: &Limits) -> Result<Vec<u8>, Fault> {
    let (head, data) = file.stream(mask).ok_or_else(|| form("an image that is not a stream"))?;
    let other = || refused("an image with a soft mask that is not plain grey of eight bits: flatten its transparency");
    let grey = file.at(head, "ColorSpace").and_then(|s| parts(file, s)) == Some(1);
    let eight = file.at(head, "BitsPerComponent").and_then(Object::count) == Some(8);
    let more = ["Matte", "SMask", "Mask"].iter().any(|key| file.at(head, key).is_some());
    let turned = match file.at(head, "Decode") {
        None => false,
        Some(Object::List(list)) => match list.iter().map(Object::number).collect::<Vec<_>>().as_slice() {
            [Some(0.0), Some(1.0)] => false,
            [Some(1.0), Some(0.0)] => true,
            _ => return Err(other()),
        },
        Some(_) => return Err(other()),
    };
    if !grey || !eight || more {
        return Err(other());
    }
    let (width, height) = sides(file, head, limits)?;
    let mut alpha = file.decoded(head, data)?;
    if alpha.len() != width * height {
        return Err(other());
    }
    if turned {
        alpha.iter_mut().for_each(|part| *part = 255 - *part);
    }
    if (width, height) == size {
        return Ok(alpha);
    }
    let mut sized = Vec::with_capacity(size.0 * size.1);
    for y in 0..size.1 {
        let row = &alpha[y * height / size.1 * width..][..width];
        sized.extend((0..size.0).map(|x| row[x * width / size.0]));
    }
    Ok(sized)
}
