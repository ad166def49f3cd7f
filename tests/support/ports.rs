//! Ports for the servers of tests.

use std::fs::{File, OpenOptions};
use std::net::UdpSocket;

/// A UDP port of 127.0.0.1 that no other test uses while this value exists, in this process or another, however often
/// its server is stopped and started again meanwhile. It is none of those that the kernel gives to sockets bound to port 0:
/// a port that was merely found free may be somebody's by the time the server binds it.
pub struct Port {
    pub number: u16,
    _claim: File,
}

impl Port {
    /// Claims a port, which stays reserved until this value is dropped.
    pub fn claim() -> Port {
        let claims = std::env::temp_dir().join("portcullis-ports");
        std::fs::create_dir_all(&claims).unwrap();
        let below = first_ephemeral();
        // Processes begin at different places, so that they seldom ask for the same claim.
        let begin = std::process::id() as u16 % 64 * 256;
        for step in 0..below - LOWEST {
            let number = LOWEST + (begin + step) % (below - LOWEST);
            let claim = OpenOptions::new().create(true).append(true).open(claims.join(number.to_string()));
            // A claim that somebody else holds, or that another account made, is not ours; one whose port is bound by
            // something that knows of no claims is of no use.
            if let Ok(claim) = claim
                && claim.try_lock().is_ok()
                && UdpSocket::bind(("127.0.0.1", number)).is_ok()
            {
                return Port { number, _claim: claim };
            }
        }
        panic!("no UDP port of 127.0.0.1 from {LOWEST} to {below} is free: end what holds them");
    }
}

/// The lowest port that is given; what is below belongs to services that people know.
const LOWEST: u16 = 10_240;

/// The first port that the kernel gives to sockets which ask for any; where it does not say, as it is by default.
fn first_ephemeral() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    // Where nearly every port is given to anybody, there is none that is not, and claims are all there is.
    if first < LOWEST + 4_096 { 32_768 } else { first }
}
