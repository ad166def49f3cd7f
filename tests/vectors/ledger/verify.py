"""Checks a Portcullis ledger without Portcullis: python3 verify.py sample.txt

Needs only the `cryptography` package. docs/RECORDS.md describes every step; prints the size and root, or fails.
"""

import base64
import hashlib
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def tree_hash(leaves):
    """RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def open_note(note, vkey):
    """c2sp.org/signed-note: returns the signed text."""
    name, key_id, encoded = vkey.split("+", 2)
    blob = base64.b64decode(encoded, validate=True)
    assert blob[0] == 1, "not an Ed25519 key"
    expected = hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4]
    assert expected.hex() == key_id, "key id is not the key's"
    text, line = note.split("\n\n")
    text += "\n"
    prefix = f"\u2014 {name} "
    assert line.startswith(prefix) and line.endswith("\n"), "not signed by this key"
    signature = base64.b64decode(line[len(prefix) : -1], validate=True)
    assert signature[:4] == expected, "signed by another key"
    Ed25519PublicKey.from_public_bytes(blob[1:]).verify(signature[4:], text.encode())
    return name, text


def main(path):
    with open(path, encoding="utf-8") as file:
        lines, note = file.read().split("head\n", 1)
    vkey = next(line[4:] for line in lines.splitlines() if line.startswith("key "))
    entries = [bytes.fromhex(line[6:]) for line in lines.splitlines() if line.startswith("entry ")]
    name, text = open_note(note, vkey)
    origin, size, root = text.splitlines()
    assert origin == name, "checkpoint of another ledger"
    assert int(size) == len(entries), f"signed for {size} entries, found {len(entries)}"
    assert base64.b64decode(root) == tree_hash(entries), "entries are not what was signed"
    print(f"{origin}: {size} entries agree with root {root}")


if __name__ == "__main__":
    main(sys.argv[1])
