//! One scan: which blocks of which components it has, and which of their coefficients and bits (T.81, Annexes B.2.3, F
//! and G).

use super::bits::{Bits, Codes};
use super::{Component, Frame, SCANS_MAX, form};
use crate::rebuild::Fault;

/// A scan header.
pub(in crate::rebuild) struct Scan {
    /// For each component its index in the frame, and those of its DC and AC tables.
    parts: Vec<(usize, usize, usize)>,
    first: usize,
    last: usize,
    /// How many low bits of the coefficients are missing before and after the scan (Ah and Al).
    high: u8,
    low: u8,
}

impl Scan {
    /// Reads the header of the next scan of `frame`, and records in the frame which bits it brings.
    ///
    /// # Errors
    /// `jpeg.form` if the header is invalid or the scan may not follow the earlier ones.
    pub fn new(body: &[u8], frame: &mut Frame) -> Result<Scan, Fault> {
        let broken = || form("an unexpected scan in a JPEG image");
        let (&count, rest) = body.split_first().ok_or_else(broken)?;
        let (listed, &[first, last, bits]) =
            rest.split_last_chunk::<3>().filter(|(l, _)| l.len() == 2 * usize::from(count)).ok_or_else(broken)?;
        let mut parts: Vec<(usize, usize, usize)> = Vec::new();
        for part in listed.chunks_exact(2) {
            let number = frame.components.iter().position(|c| c.id == part[0]).ok_or_else(broken)?;
            // Components come in the order of the frame (B.2.3), so each at most once.
            if parts.last().is_some_and(|(before, ..)| *before >= number) {
                return Err(broken());
            }
            parts.push((number, usize::from(part[1] >> 4), usize::from(part[1] & 15)));
        }
        let (first, last, high, low) = (usize::from(first), usize::from(last), bits >> 4, bits & 15);
        let band = if frame.progressive {
            first == 0 && last == 0 || first > 0 && first <= last && last < 64 && parts.len() == 1
        } else {
            (first, last, high, low) == (0, 63, 0, 0)
        };
        let mcus: usize = parts.iter().map(|(n, ..)| frame.components[*n].across * frame.components[*n].down).sum();
        if !band || parts.is_empty() || low > 13 || parts.len() > 1 && mcus > 10 {
            return Err(broken());
        }
        frame.scans += 1;
        if frame.scans > SCANS_MAX {
            return Err(form("a JPEG image with too many scans"));
        }
        let scan = Scan { parts, first, last, high, low };
        scan.follows(frame).then_some(scan).ok_or_else(broken)
    }

    /// Records the bits that the scan brings. Returns false if it may not bring them: each bit of each coefficient
    /// comes once, the highest first.
    fn follows(&self, frame: &mut Frame) -> bool {
        self.parts.iter().all(|(number, ..)| {
            let open = &mut frame.components[*number].open;
            // The AC coefficients of a block come after its DC coefficient (G.1.1.1).
            let begun = self.first == 0 || open[0].is_some();
            let before = if self.high == 0 { None } else { Some(self.high) };
            let next = self.high == 0 || self.low + 1 == self.high;
            let band = &mut open[self.first..=self.last];
            let follows = begun && next && band.iter().all(|open| *open == before);
            band.fill(Some(self.low));
            follows
        })
    }

    /// Reads the coded data of the scan, which must fill `bytes` exactly.
    ///
    /// # Errors
    /// `jpeg.form` for missing or surplus blocks, `jpeg.trailing` for data after the last block.
    pub fn read(&self, bytes: &[u8], frame: &mut Frame) -> Result<(), Fault> {
        let Frame { components, dc, ac, .. } = frame;
        let mut coded = Coded { bits: Bits::new(bytes), run: 0 };
        let interleaved = self.parts.len() > 1;
        let single = components.get(self.parts[0].0).map_or((1, 1), |c| c.own);
        let mcus = if interleaved { frame.mcus } else { single.0 * single.1 };
        for unit in 0..mcus {
            if frame.restart > 0 && unit > 0 && unit.is_multiple_of(frame.restart) {
                // A run of empty blocks does not extend over a restart marker.
                let restarted = if coded.run == 0 { coded.bits.restart(unit / frame.restart - 1) } else { None };
                restarted.ok_or_else(short)?;
            }
            for (number, dc_table, ac_table) in &self.parts {
                let tables = (table(dc, *dc_table), table(ac, *ac_table));
                let component = &mut components[*number];
                if !interleaved {
                    let block = unit / single.0 * component.row + unit % single.0;
                    self.block(&mut coded, tables, component, block).ok_or_else(short)?;
                    continue;
                }
                let (across, down) = (component.across, component.down);
                let corner = unit / frame.mcus_per_row * down * component.row + unit % frame.mcus_per_row * across;
                for n in 0..across * down {
                    let block = corner + n / across * component.row + n % across;
                    self.block(&mut coded, tables, component, block).ok_or_else(short)?;
                }
            }
        }
        if coded.run > 0 {
            return Err(form("a JPEG image with more blocks than its picture has"));
        }
        if !coded.bits.ends() {
            return Err(Fault::new("jpeg.trailing", "coded data after the last block of a JPEG image"));
        }
        Ok(())
    }

    /// Reads one block of `component`; `None` if the data is missing or invalid.
    fn block(&self, coded: &mut Coded<'_>, tables: Tables<'_>, component: &mut Component, block: usize) -> Option<()> {
        // Non-zero coefficients are recorded for progressive pictures only.
        let filled = component.filled.get_mut(block);
        match (filled, self.first, self.high) {
            (None, ..) => {
                coded.first(tables.0?)?;
                coded.sequential(tables.1?)
            }
            (Some(_), 0, 0) => coded.first(tables.0?),
            (Some(_), 0, _) => coded.bits.skip(1),
            (Some(filled), _, 0) => coded.band(tables.1?, self.first, self.last, filled),
            (Some(filled), ..) => coded.refined(tables.1?, self.first, self.last, filled),
        }
    }
}

fn short() -> Fault {
    form("a JPEG image that is truncated or damaged: not every block of its picture is there")
}

fn table(tables: &[Option<Codes>; 4], number: usize) -> Option<&Codes> {
    tables.get(number)?.as_ref()
}

type Tables<'t> = (Option<&'t Codes>, Option<&'t Codes>);

/// Coded data, and how many of the next blocks bring nothing new (EOBRUN).
struct Coded<'a> {
    bits: Bits<'a>,
    run: u32,
}

impl Coded<'_> {
    /// Reads the DC coefficient of a block, coded as the difference to the previous block's.
    fn first(&mut self, codes: &Codes) -> Option<()> {
        // Differences of eight-bit samples have at most this many bits.
        let size = self.bits.symbol(codes).filter(|size| *size <= 11)?;
        self.bits.skip(u32::from(size))
    }

    /// Reads the AC coefficients of a block in a sequential picture (F.1.2.2).
    fn sequential(&mut self, codes: &Codes) -> Option<()> {
        let mut at = 1;
        while at < 64 {
            let symbol = self.bits.symbol(codes)?;
            match symbol {
                0 => return Some(()),
                0xF0 => at += 16,
                _ if symbol & 15 == 0 => return None,
                _ => {
                    at += usize::from(symbol >> 4) + 1;
                    self.bits.skip(u32::from(symbol & 15))?;
                }
            }
        }
        (at == 64).then_some(())
    }

    /// Reads the first scan of a band of coefficients (G.1.2.2).
    fn band(&mut self, codes: &Codes, first: usize, last: usize, filled: &mut u64) -> Option<()> {
        if self.run > 0 {
            self.run -= 1;
            return Some(());
        }
        let mut at = first;
        while at <= last {
            let symbol = self.bits.symbol(codes)?;
            let (zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => at += 16,
                (_, 0) => {
                    self.run = (1 << zeros) - 1 + self.bits.number(zeros)?;
                    return Some(());
                }
                _ => {
                    at += usize::from(zeros);
                    self.bits.skip(u32::from(size))?;
                    *filled |= 1u64.checked_shl(at as u32).filter(|_| at <= last)?;
                    at += 1;
                }
            }
        }
        (at == last + 1).then_some(())
    }

    /// Reads one more bit of a band of coefficients (G.1.2.3).
    fn refined(&mut self, codes: &Codes, first: usize, last: usize, filled: &mut u64) -> Option<()> {
        let mut at = first;
        while self.run == 0 && at <= last {
            let symbol = self.bits.symbol(codes)?;
            let (mut zeros, size) = (symbol >> 4, symbol & 15);
            match (zeros, size) {
                (15, 0) => {}
                (_, 0) => {
                    self.run = (1 << zeros) + self.bits.number(zeros)?;
                    break;
                }
                (_, 1) => self.bits.skip(1)?,
                _ => return None,
            }
            // Skip this many coefficients that are still zero; each one that is not has a correction bit.
            loop {
                if at > last {
                    return None;
                }
                if *filled >> at & 1 == 1 {
                    self.bits.skip(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
            *filled |= u64::from(size) << at;
            at += 1;
        }
        if self.run > 0 {
            let rest = if at > last { 0 } else { *filled >> at << at & u64::MAX >> (63 - last) };
            self.bits.skip(rest.count_ones())?;
            self.run -= 1;
        }
        Some(())
    }
}
