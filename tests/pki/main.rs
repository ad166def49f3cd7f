//! Certificates and revocation lists: whose they are, and what is refused of them.

mod identify;
mod limbo;
mod strict;
