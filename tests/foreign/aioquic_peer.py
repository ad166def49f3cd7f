"""A peer written from docs/PROTOCOL.md alone, on another QUIC and TLS stack (aioquic) and another CBOR (cbor2).

Usage: aioquic_peer.py HOST PORT CERTIFICATE KEY NODE SCENARIO

Prints one JSON object: what the node answered. The certificate profile is `classical`. All data is EXERCISE data.
"""

import asyncio
import hashlib
import json
import ssl
import struct
import sys

import cbor2
from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived, StreamReset
from aioquic.tls import CipherSuite

HELLO, GOODBYE, PING, PONG = 0x01, 0x02, 0x03, 0x04
OFFER, ACCEPT, REFUSE, RECEIPT, DATA, END, CANCEL, RESTART = range(0x10, 0x18)
CLASSES = [256, 1024, 4096, 16384, 65536]
PAYLOAD = b"EXERCISE payload, sealed as far as anybody here knows. " * 5000
EXCHANGE = "ex-0199a5b2c3d47e8f9a0b1c2d3e4f5061"


def control(kind, message, canonical=True):
    body = cbor2.dumps(message, canonical=canonical)
    total = next(c for c in CLASSES if c >= 9 + len(body))
    return (struct.pack(">IBI", total - 4, kind, len(body)) + body).ljust(total, b"\0")


def data(payload):
    return struct.pack(">IB", len(payload) + 1, DATA) + payload


def hello(node):
    return control(HELLO, {0: 1, 1: node, 2: b"\x22" * 16, 3: 262144, 4: 4, 5: []})


def offer(payload=PAYLOAD, exchange=EXCHANGE):
    digest = hashlib.sha256(payload).digest()
    return control(OFFER, {0: exchange, 1: b"EXERCISE manifest", 2: len(payload), 3: digest, 4: 1})


class Peer(QuicConnectionProtocol):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.streams, self.closed = {}, asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived):
            self.streams[event.stream_id] = self.streams.get(event.stream_id, b"") + event.data
            self.arrived.set()
        elif isinstance(event, StreamReset):
            self.arrived.set()
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
            if self.closed.done():
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
    if answer is None:
        code, reason = peer.closed.result()
        return {"closed": code, "reason": reason}
    kind, message = answer
    shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in message.items()}
    return {"kind": kind, "message": shown}


async def deliver(peer):
    """Offers, sends what is missing, and returns the answer that ended the exchange."""
    stream, answer = await peer.exchange(offer())
    if answer is None or answer[0] != ACCEPT:
        return answer
    offset, digest = answer[1][0], answer[1][1]
    if hashlib.sha256(PAYLOAD[:offset]).digest() != digest:
        peer.send(stream, control(RESTART, {}))
        offset = 0
    for start in range(offset, len(PAYLOAD), 200_000):
        peer.send(stream, data(PAYLOAD[start : start + 200_000]))
    peer.send(stream, control(END, {}))
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
        peer.send(stream, control(END, {}))
        return told(await peer.frame(stream), peer)
    if scenario == "other_payload":
        stream, accept = await peer.exchange(offer())
        other = b"x" * len(PAYLOAD)
        for start in range(accept[1][0], len(other), 200_000):
            peer.send(stream, data(other[start : start + 200_000]))
        peer.send(stream, control(END, {}))
        return told(await peer.frame(stream), peer)
    raise SystemExit(f"no scenario {scenario}")


async def main(host, port, certificate, key, node, scenario):
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3" if scenario == "wrong_alpn" else "portcullis/1"],
        cipher_suites=[CipherSuite.AES_256_GCM_SHA384],
        # The node is known by its authority; this test looks at what the node refuses, not at what we refuse.
        verify_mode=ssl.CERT_NONE,
    )
    if scenario != "no_certificate":
        configuration.load_cert_chain(certificate, key)
    try:
        async with connect(host, int(port), configuration=configuration, create_protocol=Peer) as peer:
            behaviour = "deliver" if scenario in ("no_certificate", "wrong_alpn") else scenario
            result = await run(peer, node, behaviour)
    except ConnectionError as problem:
        result = {"refused": str(problem)}
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
