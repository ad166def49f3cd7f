//! Certificates and revocation lists: identification, and what is refused.

mod identify;
mod x509_limbo;
mod strict;
