//! The budget of computing steps for judging the pages of a document.

use crate::rebuild::Fault;

/// The remaining budget of a document, in steps of about one instruction.
pub(in crate::rebuild::pdf) struct Budget {
    left: u64,
}

/// Steps for each byte of the file, and the minimum file size that is assumed: some 200 million steps for 64 KiB.
const STEPS_PER_BYTE: u64 = 3000;
const BYTES_MIN: u64 = 64 << 10;
/// Additional steps for rendering, which an officer requests once for a file.
const DRAWING: u64 = 8_000_000_000;

impl Budget {
    /// Returns the budget for a file of `bytes` bytes, whose pages are also rendered if `draws` is set.
    pub fn of(bytes: usize, draws: bool) -> Budget {
        let judging = (bytes as u64).max(BYTES_MIN).saturating_mul(STEPS_PER_BYTE);
        Budget { left: judging.saturating_add(if draws { DRAWING } else { 0 }) }
    }

    /// Deducts `steps`.
    ///
    /// # Errors
    /// `pdf.size` if fewer are left.
    pub fn charge(&mut self, steps: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(steps as u64).ok_or_else(|| {
            Fault::new("pdf.size", "pages too complex for the size of the PDF: split it, or simplify its drawings")
        })?;
        Ok(())
    }
}
