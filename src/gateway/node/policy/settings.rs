//! Limits of products and filters, translated from configuration and policy.

use std::sync::Arc;

use crate::config::{FilterProgram, Inspection, Limits};
use crate::filter_process::{COMMAND, CachingRebuilder, FilterProcess, ProcessLimits};
use crate::inspect::{Settings, WordList};
use crate::product::Bounds;
use crate::rebuild;

/// Size of the cache of filter answers, in bytes.
const REMEMBERED_BYTES: usize = 32 << 20;

/// How large a product may be, as configured.
pub(in crate::gateway) fn bounds(limits: &Limits) -> Bounds {
    // INVARIANT: the configuration bounds each of these to 1 GiB at most.
    let number = |configured: u64| usize::try_from(configured).unwrap_or(usize::MAX);
    Bounds {
        bytes_max: number(limits.product_bytes),
        lines_max: number(limits.lines),
        line_bytes_max: number(limits.line_bytes),
        tearlines_max: number(limits.tearlines),
        portions_max: number(limits.portions),
        attachments_max: number(limits.attachments),
        inline_attachment_bytes_max: number(limits.inline_bytes),
        detached_bytes_max: limits.attachment_bytes,
        detached_total_max: limits.attachments_total_bytes,
        depth_max: number(limits.depth),
        ..Bounds::default()
    }
}

/// The filters that the policy configures; those of foreign formats run in their own processes.
pub(in crate::gateway) fn inspection(config: &Inspection, words: Vec<WordList>, bounds: Bounds) -> Settings {
    // INVARIANT: the policy's text bounds each of these to 2000.
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let limits = rebuild::Limits {
        bytes_max: bounds.inline_attachment_bytes_max,
        // Attachments nest deeper than a product: a page of a PDF is an object within several others.
        depth_max: 2 * bounds.depth_max,
        pdf_fonts: config.pdf_fonts,
        pdf_contrast: small(config.pdf_contrast),
        pdf_letter_points: small(config.pdf_letter_points),
        pdf_pixels_per_point: small(config.pdf_pixels_per_point),
        ..Default::default()
    };
    let lifetime = ProcessLimits {
        wall: config.wall,
        cpu: config.wall,
        memory_bytes: config.memory_bytes,
        // INVARIANT: the configuration bounds this to 256.
        at_once: usize::try_from(config.at_once).unwrap_or(1),
    };
    let process = match &config.program {
        Some(FilterProgram { file, sha256 }) => {
            FilterProcess::new(file.clone(), vec![COMMAND.to_owned()], limits.clone(), lifetime).pinned(*sha256)
        }
        None => FilterProcess::of_this_program(limits.clone(), lifetime),
    };
    let rebuilder = Arc::new(CachingRebuilder::new(process, REMEMBERED_BYTES));
    let filter = config.program.as_ref().map(|program| program.sha256);
    // INVARIANT: the policy's text bounds this to 1000.
    let shared_words = usize::try_from(config.shared_words).unwrap_or(usize::MAX);
    let party = String::new();
    Settings { words, bounds, hidden: config.hidden, shared_words, limits, filter, rebuilder, party }
}
