//! Foreign formats, read strictly and rebuilt in canonical form.

mod hidden_words;
mod jpeg;
mod ordinary_pdf;

#[path = "../hidden_text/mod.rs"]
mod hidden;
#[path = "../support/not_run.rs"]
mod not_run;
#[path = "../support/inspect.rs"]
mod support;
#[path = "../support/vectors.rs"]
mod vectors;
