//! Checks the coded data of a JPEG (ITU-T T.81) block by block without decoding pixels: every scan has exactly the
//! blocks that its header announces, and all scans together are the whole picture.
//!
//! Decoders fill in missing blocks and skip surplus ones. This module refuses both.

mod bits;
mod scan;

use crate::rebuild::Fault;
pub(in crate::rebuild) use bits::{Bits, Codes};
pub(in crate::rebuild) use scan::Scan;

fn form(message: &str) -> Fault {
    Fault::new("jpeg.form", message)
}

/// Maximum number of scans of a picture; common tools write about ten. Each scan costs a pass over all blocks, however
/// short it is.
const SCANS_MAX: usize = 32;

/// A component as described by the frame header.
struct Component {
    id: u8,
    /// Blocks of this component in one MCU of an interleaved scan: along a row, and rows.
    across: usize,
    down: usize,
    /// Blocks that the component's own samples need: along a row, and rows.
    own: (usize, usize),
    /// Blocks in a row including those that only fill the last MCU.
    row: usize,
    /// For each block a bit set of the coefficients that are not zero so far; used for progressive pictures only.
    filled: Vec<u64>,
    /// How many low bits of each coefficient are still missing; `None` before its first scan.
    open: [Option<u8>; 64],
}

/// A frame whose scans are being read.
pub(in crate::rebuild) struct Frame {
    progressive: bool,
    components: Vec<Component>,
    /// MCUs of an interleaved scan.
    mcus: usize,
    /// MCUs of one row.
    mcus_per_row: usize,
    /// The current tables for DC and, below, AC coefficients.
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    /// MCUs between two restart markers; zero for none.
    restart: usize,
    scans: usize,
}

impl Frame {
    /// Reads the body of a frame header of a picture of `width` by `height` pixels (T.81, B.2.2).
    ///
    /// # Errors
    /// `jpeg.form` if the components or sampling factors are invalid.
    pub fn new(body: &[u8], progressive: bool, width: usize, height: usize) -> Result<Frame, Fault> {
        let broken = || form("a JPEG image with invalid components");
        let listed = body.get(6..).filter(|rest| rest.len() == 3 * usize::from(body[5])).ok_or_else(broken)?;
        let factors: Vec<(u8, usize, usize)> =
            listed.chunks_exact(3).map(|c| (c[0], usize::from(c[1] >> 4), usize::from(c[1] & 15))).collect();
        let fits = |n: usize| (1..=4).contains(&n);
        let twice = |(n, c): (usize, &(u8, usize, usize))| factors[..n].iter().any(|before| before.0 == c.0);
        if factors.iter().any(|(_, h, v)| !fits(*h) || !fits(*v)) || factors.iter().enumerate().any(twice) {
            return Err(broken());
        }
        let across_max = factors.iter().map(|c| c.1).max().ok_or_else(broken)?;
        let down_max = factors.iter().map(|c| c.2).max().ok_or_else(broken)?;
        let (mcus_per_row, units_down) = (width.div_ceil(8 * across_max), height.div_ceil(8 * down_max));
        let component = |(id, across, down): (u8, usize, usize)| {
            let own = |side: usize, by: usize, of: usize| (side * by).div_ceil(of).div_ceil(8);
            let row = mcus_per_row * across;
            let blocks = if progressive { row * units_down * down } else { 0 };
            Component {
                id,
                across,
                down,
                own: (own(width, across, across_max), own(height, down, down_max)),
                row,
                filled: vec![0; blocks],
                open: [None; 64],
            }
        };
        Ok(Frame {
            progressive,
            components: factors.into_iter().map(component).collect(),
            mcus: mcus_per_row * units_down,
            mcus_per_row,
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart: 0,
            scans: 0,
        })
    }

    /// Reads a segment of Huffman tables, DHT (B.2.4.2).
    ///
    /// # Errors
    /// `jpeg.form` if a table is malformed.
    pub fn tables(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        let broken = || form("an invalid Huffman table in a JPEG image");
        while let Some((head, rest)) = body.split_first_chunk::<17>() {
            let counts: &[u8; 16] = head.last_chunk().ok_or_else(broken)?;
            let symbols = rest.get(..counts.iter().map(|n| usize::from(*n)).sum()).ok_or_else(broken)?;
            let codes = Codes::new(counts, symbols).ok_or_else(broken)?;
            let tables = if head[0] & 0xF0 == 0 { &mut self.dc } else { &mut self.ac };
            let place = tables.get_mut(usize::from(head[0] & 15)).filter(|_| head[0] < 0x20);
            *place.ok_or_else(broken)? = Some(codes);
            body = &rest[symbols.len()..];
        }
        if body.is_empty() { Ok(()) } else { Err(broken()) }
    }

    /// Reads the restart interval, DRI (B.2.4.4).
    ///
    /// # Errors
    /// `jpeg.form` if the segment is not two bytes long.
    pub fn restart_interval(&mut self, body: &[u8]) -> Result<(), Fault> {
        let [high, low] = *body else { return Err(form("an invalid restart interval in a JPEG image")) };
        self.restart = usize::from(high) << 8 | usize::from(low);
        Ok(())
    }

    /// Whether the picture is progressive.
    pub fn progressive(&self) -> bool {
        self.progressive
    }

    /// Checks that the scans are the whole picture: every bit of every coefficient.
    ///
    /// # Errors
    /// `jpeg.form` if scans are missing.
    pub fn complete(&self) -> Result<(), Fault> {
        let whole = |c: &Component| c.open.iter().all(|open| *open == Some(0));
        if self.components.iter().all(whole) {
            return Ok(());
        }
        Err(form("a JPEG image that is truncated: scans of its picture are missing"))
    }
}
