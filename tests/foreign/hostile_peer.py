"""A partner's machine in hostile hands, written from docs/PROTOCOL.md alone, on the stack of aioquic_peer.py.

Usage: hostile_peer.py HOST PORT CERTIFICATE KEY NODE ATTACK COUNT [HEAD]

Each attack is done COUNT times, or until the node has had enough. Prints one JSON object: what it came to. HEAD is a file
with a signed head of the partner's ledger, where Hellos are to have one. The certificate profile is `classical`.
"""

import asyncio
import json
import pathlib
import ssl
import sys
import time

import cbor2
from aioquic.asyncio import connect
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.tls import CipherSuite

from aioquic_peer import GOODBYE, HELLO, PING, PONG, REFUSE, Peer, control, hello

CONSISTENCY = 0x05
# Longer than the node's timers; a link that outlasts it was not closed.
PATIENCE = 25
# What fits the node's Hello and seven Pongs, and nothing more.
WINDOW = 2048


async def ended(peer):
    code, reason = await asyncio.wait_for(peer.closed, PATIENCE)
    return {"closed": code, "reason": reason}


async def pings(peer, node, count):
    """Pings at once; nobody looks at an answer before the link has ended."""
    stream, answer = await peer.up(node)
    assert answer is not None and answer[0] == HELLO, answer
    peer.send(stream, b"".join(control(PING, {0: number}) for number in range(count)))
    result, answered = await ended(peer), 0
    while (frame := await peer.frame(stream)) is not None:
        assert frame[0] in (PONG, GOODBYE), frame
        answered += frame[0] == PONG
    return result | {"answered": answered}


async def garbage(peer, node, count):
    """Streams of what is no frame."""
    _, answer = await peer.up(node)
    assert answer is not None and answer[0] == HELLO, answer
    streams = []
    while len(streams) < count and not peer.closed.done():
        stream = peer._quic.get_next_available_stream_id()
        peer._quic.send_stream_data(stream, b"\xff" * 64, end_stream=True)
        streams.append(stream)
        if len(streams) % 20 == 0:
            peer.transmit()
            await asyncio.sleep(0)
    peer.transmit()
    result, refused = await ended(peer), {}
    for stream in streams:
        frame = await peer.frame(stream)
        assert frame is None or frame[0] == REFUSE, frame
        if frame is not None:
            code = frame[1][0]
            refused[code] = refused.get(code, 0) + 1
    return result | {"begun": len(streams), "refused": refused}


def was_told(message):
    """Whether the node's Hello tells of a head of the partner's ledger, so that a proof is due."""
    heads = [extension[2] for extension in message[5] if extension[0] == 1]
    return any(key in cbor2.loads(content) for content in heads for key in (1, 2))


async def reconnects(configuration, host, port, node, count, head):
    """Links one after the other, each with the same head of the partner's ledger."""
    greeting = hello(node)
    if head is not None:
        extension = {0: 1, 1: False, 2: cbor2.dumps({0: head}, canonical=True)}
        greeting = control(HELLO, {0: 2, 1: node, 2: b"\x22" * 16, 3: 262144, 4: 4, 5: [extension]})
    up, closed, began = 0, {}, time.monotonic()
    for _ in range(count):
        try:
            async with connect(host, port, configuration=configuration, create_protocol=Peer) as peer:
                stream = peer._quic.get_next_available_stream_id()
                peer.send(stream, greeting)
                answer = await peer.frame(stream)
                if answer is not None and answer[0] == HELLO:
                    up += 1
                    if was_told(answer[1]):
                        # What the node was shown before needs no proof, or has none.
                        peer.send(stream, control(CONSISTENCY, {0: [], 1: []}))
                    peer.send(stream, control(PING, {0: 1}))
                    assert await peer.frame(stream) is not None, "the link did not come up"
                else:
                    code = (await ended(peer))["closed"] if answer is None else answer[1][0]
                    closed[code] = closed.get(code, 0) + 1
        except ConnectionError:
            closed["refused"] = closed.get("refused", 0) + 1
    return {"tried": count, "up": up, "closed": closed, "seconds": time.monotonic() - began}


async def main(host, port, certificate, key, node, attack, count, *head):
    configuration = QuicConfiguration(
        is_client=True,
        alpn_protocols=["portcullis/2"],
        cipher_suites=[CipherSuite.AES_256_GCM_SHA384],
        verify_mode=ssl.CERT_NONE,
    )
    configuration.load_cert_chain(certificate, key)
    if attack == "reconnects":
        shown = pathlib.Path(head[0]).read_text() if head else None
        print(json.dumps(await reconnects(configuration, host, int(port), node, int(count), shown)))
        return
    if attack == "unread_pings":
        # The window for answers is opened once and never again: what the node says waits at the node.
        configuration.max_stream_data = WINDOW
        QuicConnection._write_stream_limits = lambda *_, **__: None
    attacks = {"pings": pings, "unread_pings": pings, "garbage": garbage}
    async with connect(host, int(port), configuration=configuration, create_protocol=Peer) as peer:
        result = await attacks[attack](peer, node, int(count))
    print(json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
