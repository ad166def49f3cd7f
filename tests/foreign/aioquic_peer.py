"""A peer written from docs/PROTOCOL.md alone, on another QUIC and TLS stack (aioquic) and another CBOR (cbor2).

Usage: aioquic_peer.py HOST PORT CERTIFICATE KEY NODE SCENARIO [EXCHANGE MANIFEST PAYLOAD PRECEDENCE HEADER]

Prints one JSON object: what the node answered. The certificate profile is `classical`. All data is EXERCISE data; with
the last five arguments, an exchange that another node has signed and sealed is offered instead.
"""

import asyncio
import datetime
import hashlib
import json
import pathlib
import ssl
import struct
import sys

import cbor2
from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, StreamDataReceived, StreamReset
from aioquic.tls import CipherSuite, SessionTicket

HELLO, GOODBYE, PING, PONG = 0x01, 0x02, 0x03, 0x04
OFFER, ACCEPT, REFUSE, RECEIPT, DATA, END, CANCEL, RESTART, READY = range(0x10, 0x19)
CLASSES = [256, 1024, 4096, 16384, 65536]
PAYLOAD = b"EXERCISE payload, sealed as far as anybody here knows. " * 5000
EXCHANGE = "ex-0199a5b2c3d47e8f9a0b1c2d3e4f5061"
MANIFEST = b"EXERCISE manifest"
HEADER = b"EXERCISE header, as far as anybody here knows"
PRECEDENCE = 1


def control(kind, message, canonical=True):
    body = cbor2.dumps(message, canonical=canonical)
    total = next(c for c in CLASSES if c >= 9 + len(body))
    return (struct.pack(">IBI", total - 4, kind, len(body)) + body).ljust(total, b"\0")


def data(payload):
    return struct.pack(">IB", len(payload) + 1, DATA) + payload


def hello(node):
    return control(HELLO, {0: 2, 1: node, 2: b"\x22" * 16, 3: 262144, 4: 4, 5: []})


def offer(payload=None, exchange=None):
    payload = PAYLOAD if payload is None else payload
    digest = hashlib.sha256(payload).digest()
    header = {0: len(HEADER), 1: hashlib.sha256(HEADER).digest()}
    return control(OFFER, {0: exchange or EXCHANGE, 1: MANIFEST, 2: len(payload), 3: digest, 4: PRECEDENCE, 5: header})


class Peer(QuicConnectionProtocol):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.streams, self.closed = {}, asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()
        self.stopped, self.early = {}, None
        if self._quic.configuration.session_ticket is not None:
            # What an earlier connection would have told us, so that the Hello goes out before the handshake.
            self._quic._remote_max_streams_bidi = 1
            self._quic._remote_max_data = self._quic._remote_max_stream_data_bidi_remote = 1 << 16

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.streams[event.stream_id] = self.streams.get(event.stream_id, b"") + event.data
            self.arrived.set()
        elif isinstance(event, StreamReset):
            self.stopped[event.stream_id] = event.error_code
            self.arrived.set()
        elif isinstance(event, HandshakeCompleted):
            self.early = {"accepted": event.early_data_accepted, "resumed": event.session_resumed}
        elif isinstance(event, ConnectionTerminated) and not self.closed.done():
            self.closed.set_result((event.error_code, event.reason_phrase))
            self.arrived.set()

    def send(self, stream, frame):
        self._quic.send_stream_data(stream, frame)
        self.transmit()

    async def frame(self, stream):
        """The next frame on a stream, checked as strictly as the page asks; None when the connection has ended."""
        while True:
            held = self.streams.get(stream, b"")
            if len(held) >= 5:
                length, kind = struct.unpack(">IB", held[:5])
                assert 4 + length in CLASSES, f"length {length} is no size class"
                if len(held) >= 4 + length:
                    self.streams[stream] = held[4 + length :]
                    (size,) = struct.unpack(">I", held[5:9])
                    body, padding = held[9 : 9 + size], held[9 + size : 4 + length]
                    assert not any(padding), "padding is not zeros"
                    assert 4 + length == next(c for c in CLASSES if c >= 9 + size), "not the smallest class"
                    message = cbor2.loads(body)
                    assert cbor2.dumps(message, canonical=True) == body, "not deterministic"
                    return kind, message
            if self.closed.done() or stream in self.stopped:
                return None
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), 10)

    async def up(self, node):
        stream = self._quic.get_next_available_stream_id()
        self.send(stream, hello(node))
        return stream, await self.frame(stream)

    async def exchange(self, *frames):
        stream = self._quic.get_next_available_stream_id()
        for frame in frames:
            self.send(stream, frame)
        return stream, await self.frame(stream)


def told(answer, peer):
    if answer is None and peer.stopped and not peer.closed.done():
        return {"reset": sorted(peer.stopped.values())}
    if answer is None:
        code, reason = peer.closed.result()
        return {"closed": code, "reason": reason}
    kind, message = answer
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in message.items()}
    return {"kind": kind, "message": shown}


async def deliver(peer, header=None):
    """Offers, sends what is missing, then the header, and returns the answer that ended the exchange."""
    header = HEADER if header is None else header
    stream, answer = await peer.exchange(offer())
    if answer is None or answer[0] != ACCEPT:
        return answer
    offset, digest = answer[1][0], answer[1][1]
    if hashlib.sha256(PAYLOAD[:offset]).digest() != digest:
        peer.send(stream, control(RESTART, {}))
        offset = 0
    for start in range(offset, len(PAYLOAD), 200_000):
        peer.send(stream, data(PAYLOAD[start : start + 200_000]))
    if offset < len(PAYLOAD):
        answer = await peer.frame(stream)
        if answer is None or answer[0] != READY:
            return answer
    peer.send(stream, control(END, {0: header}))
    return await peer.frame(stream)


async def run(peer, node, scenario):
    if scenario == "wrong_node":
        return told((await peer.up("exercise-aus"))[1], peer)
    if scenario == "oversized":
        stream = peer._quic.get_next_available_stream_id()
        peer.send(stream, b"\xff\xff\xff\xff\x01")
        return told(await peer.frame(stream), peer)
    if scenario == "before_hello":
        return told((await peer.exchange(offer()))[1], peer)
    control_stream, answer = await peer.up(node)
    if answer is None or answer[0] != HELLO:
        return told(answer, peer)
    if scenario == "deliver":
        first, again = await deliver(peer), await deliver(peer)
        peer.send(control_stream, control(PING, {0: 7}))
        pong = await peer.frame(control_stream)
        return {"first": told(first, peer), "again": told(again, peer), "pong": told(pong, peer)}
    if scenario == "not_canonical":
        body = b"\xa1\x00\x18\x01"
        frame = (struct.pack(">IBI", 252, CANCEL, len(body)) + body).ljust(256, b"\0")
        return told((await peer.exchange(frame))[1], peer)
    if scenario == "out_of_order":
        return told((await peer.exchange(data(b"EXERCISE")))[1], peer)
    if scenario == "truncated":
        stream, accept = await peer.exchange(offer())
        peer.send(stream, data(PAYLOAD[:1000]))
        peer.send(stream, control(END, {0: HEADER}))
        return told(await peer.frame(stream), peer)
    if scenario == "other_header":
        return told(await deliver(peer, HEADER.swapcase()), peer)
    if scenario == "shorter_header":
        return told(await deliver(peer, HEADER[:-1]), peer)
    if scenario == "no_header":
        return told(await deliver(peer, b""), peer)
    if scenario == "other_payload":
        stream, accept = await peer.exchange(offer())
        other = b"x" * len(PAYLOAD)
        for start in range(accept[1][0], len(other), 200_000):
            peer.send(stream, data(other[start : start + 200_000]))
        return told(await peer.frame(stream), peer)
    if scenario == "trickles":
        # An offer that never becomes whole.
        return told((await peer.exchange(offer()[:100]))[1], peer)
    if scenario == "stalls":
        stream, accept = await peer.exchange(offer())
        peer.send(stream, data(PAYLOAD[:1000]))
        return told(await peer.frame(stream), peer)
    if scenario == "reads_nothing":
        # Says that it takes 300 bytes on a stream, and never more: the Accept fits, the receipt does not.
        return told(await deliver(peer), peer)
    if scenario == "larger_data_than_agreed":
        stream, accept = await peer.exchange(offer())
        peer.send(stream, struct.pack(">IB", 262146, DATA) + bytes(1000))
        return told(await peer.frame(stream), peer)
    if scenario == "padding":
        frame = bytearray(offer())
        frame[-1] = 1
        return told((await peer.exchange(bytes(frame)))[1], peer)
    if scenario == "unknown_frame":
        return told((await peer.exchange(b"\x00\x00\x00\xfc\x99" + bytes(251)))[1], peer)
    if scenario == "duplicate_key":
        body = b"\xa2\x00\x18\x2b\x00\x18\x2b"
        frame = (struct.pack(">IBI", 252, CANCEL, len(body)) + body).ljust(256, b"\0")
        return told((await peer.exchange(frame))[1], peer)
    if scenario == "second_hello":
        peer.send(control_stream, hello(node))
        return told(await peer.frame(control_stream), peer)
    if scenario == "many_streams":
        # As many as are granted, which is more than may be in progress.
        streams = []
        for n in range(int(EXCHANGE_COUNT)):
            stream = peer._quic.get_next_available_stream_id()
            streams.append(stream)
            peer.send(stream, offer(exchange=f"ex-0199a5b2c3d47e8f9a0b1c2d3e4f{n:04x}"))
        answers = [told(await peer.frame(stream), peer) for stream in streams]
        return {"answers": [[a.get("kind"), a.get("message", {}).get(0)] for a in answers]}
    if scenario == "stream_flood":
        peer._quic._remote_max_streams_bidi = 1 << 20
        for n in range(500):
            peer.send(peer._quic.get_next_available_stream_id(), b"\0")
        code, reason = await asyncio.wait_for(peer.closed, 10)
        return {"closed": code, "reason": reason}
    raise SystemExit(f"no scenario {scenario}")


def forged_ticket():
    """A ticket that the node never gave: it gives none."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return SessionTicket(
        age_add=0,
        cipher_suite=CipherSuite.AES_256_GCM_SHA384,
        not_valid_after=now + datetime.timedelta(hours=1),
        not_valid_before=now - datetime.timedelta(hours=1),
        resumption_secret=bytes(48),
        server_name="",
        ticket=b"EXERCISE" * 8,
        max_early_data_size=0xFFFFFFFF,
    )


EXCHANGE_COUNT = 6


async def main(host, port, certificate, key, node, scenario, *exchange):
    global EXCHANGE, MANIFEST, PAYLOAD, PRECEDENCE, HEADER
    if exchange:
        EXCHANGE, PRECEDENCE = exchange[0], int(exchange[3])
        MANIFEST, PAYLOAD, HEADER = (pathlib.Path(exchange[n]).read_bytes() for n in (1, 2, 4))
    tickets = []
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3" if scenario == "wrong_alpn" else "portcullis/2"],
        cipher_suites=[CipherSuite.AES_256_GCM_SHA384],
        # The node is known by its authority; this test looks at what the node refuses, not at what we refuse.
        verify_mode=ssl.CERT_NONE,
    )
    if scenario != "no_certificate":
        configuration.load_cert_chain(certificate, key)
    early = scenario == "early_data"
    if early:
        configuration.session_ticket = forged_ticket()
    if scenario == "reads_nothing":
        configuration.max_stream_data = 300
        QuicConnection._write_stream_limits = lambda *_, **__: None
    try:
        async with connect(
            host,
            int(port),
            configuration=configuration,
            create_protocol=Peer,
            session_ticket_handler=tickets.append,
            wait_connected=not early,
        ) as peer:
            plain = ("no_certificate", "wrong_alpn", "early_data")
            result = await run(peer, node, "deliver" if scenario in plain else scenario)
            if scenario in ("deliver", "early_data"):
                result |= {"early": peer.early, "tickets": len(tickets)}
    except ConnectionError as problem:
        result = {"refused": str(problem)}
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
