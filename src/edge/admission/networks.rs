//! Groups of addresses that usually belong to one party, so that limits count parties and not addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address: its /64 for IPv6, the address itself for IPv4. One host usually controls its whole IPv6 /64.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    within(address, 4, 32)
}

/// The region of an address: its IPv4 /24 or IPv6 /48, which is usually assigned to one site.
pub(super) fn region_of(address: IpAddr) -> IpAddr {
    within(address, 3, 24)
}

/// Keeps the first `words` 16-bit segments of an IPv6 address or the first `bits` bits of an IPv4 address; the rest becomes zero.
fn within(address: IpAddr, words: usize, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[words..].fill(0);
            IpAddr::V6(Ipv6Addr::from(segments))
        }
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (32 - bits)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_regions() {
        let of = |text: &str| (network_of(text.parse().unwrap()), region_of(text.parse().unwrap()));
        let is = |a: &str, b: &str| (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(of("192.0.2.77"), is("192.0.2.77", "192.0.2.0"));
        assert_eq!(of("::ffff:192.0.2.77"), is("192.0.2.77", "192.0.2.0"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), is("2001:db8:1:2::", "2001:db8:1::"));
    }
}
