//! Ends of connections: the codes with which they are closed, and the reason why one ended, for this node's log and operator.

use quinn::{ConnectionError, TransportErrorCode, VarInt};

use crate::wire::RefusalCode;

/// Describes why a connection ended. A reason phrase that the peer sent is never shown or logged, only its code.
pub(in crate::edge) fn reason_of(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let number = close.error_code.into_inner();
            let code = u16::try_from(number).ok().and_then(|number| RefusalCode::try_from(number).ok());
            code.map_or_else(
                || format!("closed by the peer with code {number}"),
                |code| format!("closed by the peer: {code}"),
            )
        }
        ConnectionError::ConnectionClosed(close) if close.error_code == TransportErrorCode::CONNECTION_REFUSED => {
            "the peer accepts no new connections".to_owned()
        }
        ConnectionError::ConnectionClosed(close) => format!("closed by the peer's transport: {}", close.error_code),
        // These messages come from the local library.
        ConnectionError::TransportError(_)
        | ConnectionError::VersionMismatch
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => error.to_string(),
    }
}

/// Converts a refusal code to a QUIC application error code (RFC 9000, section 20.2).
pub(in crate::edge) fn close_code(code: RefusalCode) -> VarInt {
    VarInt::from_u32(u32::from(code.number()))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_reason_phrase_of_a_peer_is_not_repeated() {
        let words = || Bytes::from_static("EXERCISE \u{1b}[2J\u{202e} words".as_bytes());
        let closed = |code| {
            let error_code = VarInt::from_u32(code);
            ConnectionError::ApplicationClosed(quinn::ApplicationClose { error_code, reason: words() })
        };
        assert_eq!(reason_of(&closed(3)), "closed by the peer: not authorised (3)");
        assert_eq!(reason_of(&closed(9999)), "closed by the peer with code 9999");
        let transport = quinn::ConnectionClose {
            error_code: quinn::TransportErrorCode::INTERNAL_ERROR,
            frame_type: None,
            reason: words(),
        };
        let refused =
            quinn::ConnectionClose { error_code: TransportErrorCode::CONNECTION_REFUSED, ..transport.clone() };
        assert_eq!(reason_of(&ConnectionError::ConnectionClosed(refused)), "the peer accepts no new connections");
        let said = reason_of(&ConnectionError::ConnectionClosed(transport));
        assert!(said.starts_with("closed by the peer's transport: ") && !said.contains("EXERCISE"), "{said}");
        assert_eq!(reason_of(&ConnectionError::TimedOut), "timed out");
    }
}
