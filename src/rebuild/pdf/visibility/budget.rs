//! The budget of steps for judging the pages of a document.

use crate::rebuild::Fault;

/// What the judgement of a document may still cost, in steps of about one instruction.
pub(in crate::rebuild::pdf) struct Budget {
    left: u64,
}

/// Steps for each byte of the file, and the size that every file counts for at least: some 200 million for 64 KiB.
const STEPS_PER_BYTE: u64 = 3000;
const BYTES_MIN: u64 = 64 << 10;
/// Drawing pages is asked for by an officer, once, and may cost more.
const DRAWING: u64 = 8_000_000_000;

impl Budget {
    pub fn of(bytes: usize, draws: bool) -> Budget {
        let judging = (bytes as u64).max(BYTES_MIN).saturating_mul(STEPS_PER_BYTE);
        Budget { left: judging.saturating_add(if draws { DRAWING } else { 0 }) }
    }

    /// Takes `steps` off.
    ///
    /// # Errors
    /// `pdf.size` where there are not so many left.
    pub fn charge(&mut self, steps: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(steps as u64).ok_or_else(|| {
            Fault::new("pdf.size", "pages too complex for the size of the PDF: split it, or simplify its drawings")
        })?;
        Ok(())
    }
}
