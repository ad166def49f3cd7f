//! Limits on a product, so that reading one costs no more than was configured.

use serde::{Deserialize, Serialize};

/// Limits on one product. Whatever is larger is refused as a whole, never truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// The whole text, in bytes.
    pub bytes_max: usize,
    /// Lines in the whole text.
    pub lines_max: usize,
    /// One line, in bytes.
    pub line_bytes_max: usize,
    /// Tearlines, the source version included.
    pub tearlines_max: usize,
    /// Portions of one tearline, attachments not counted.
    pub portions_max: usize,
    /// Attachments of one tearline.
    pub attachments_max: usize,
    /// One inline attachment, decoded, in bytes.
    pub inline_attachment_bytes_max: usize,
    /// One detached attachment, in bytes. It costs disk and time, never memory.
    pub detached_bytes_max: u64,
    /// All detached attachments of a product together, in bytes.
    pub detached_total_max: u64,
    /// A title, subject, originator or contact, in characters.
    pub title_chars_max: usize,
    /// Subjects of one tearline, and protected tokens of one tearline.
    pub entries_max: usize,
    /// How deep the values of a product of JSON or STIX may be nested.
    pub depth_max: usize,
    /// Faults reported before reading stops; the last one says that there are more.
    pub faults_max: usize,
}

/// The limits of a node whose configuration sets none (`[limits]`).
impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            bytes_max: 16 * 1024 * 1024,
            lines_max: 150_000,
            line_bytes_max: 16 * 1024,
            tearlines_max: 16,
            portions_max: 2_000,
            attachments_max: 32,
            inline_attachment_bytes_max: 4 * 1024 * 1024,
            detached_bytes_max: 16 << 30,
            detached_total_max: 32 << 30,
            title_chars_max: 200,
            entries_max: 32,
            depth_max: 16,
            faults_max: 100,
        }
    }
}
