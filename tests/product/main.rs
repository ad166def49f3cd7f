//! Products as producers submit them: every format and package, what is refused of them, and what is made of them.

mod bounds;
mod corpus;
mod formats;
mod html;
mod package_folder;
mod package_zip;
mod samples;
mod schema;

#[path = "../support/classes.rs"]
mod classes;
#[path = "../support/vectors.rs"]
mod vectors;
#[path = "../support/zip.rs"]
mod zip;
