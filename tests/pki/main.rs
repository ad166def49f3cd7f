//! Certificates and revocation lists: whose they are, and what is refused of them.

mod identify;
mod x509_limbo;
mod strict;
