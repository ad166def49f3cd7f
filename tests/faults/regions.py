"""What the bytes of a node's files are: regions of a file, each a name and the offsets that belong to it."""

import base64
import collections
import re
import sqlite3

# Where a flip that changes no answer is explained: nothing reads these bytes, or what they say is said elsewhere as well.
# Each has its reason; a flip that changes nothing anywhere else counts as not found.
INDIFFERENT = {
    "database: free page": "nothing is stored in it",
    "database: gap in a page": "nothing is stored in it",
    "database: page that is newer in the log": "the page is read from the log, and written anew by the next checkpoint",
    "database: free block": "nothing is stored in it",
    "database: header, counters": "the change counter, its copy, and the version of SQLite that wrote last: caches of other processes only",
    "database: header, unused": "cache size, vacuum, encoding marks and bytes reserved for expansion, which are not used here",
    "wal: superseded": "every frame's page is in the database as well",
    "wal: after its end": "a frame of an earlier generation",
    "head: own": "it stands in two files, each with two slots; the greatest that verifies counts, and the next commit writes it anew",
    "search for damage: progress": "how far the last pass came; the next start begins another and writes it anew",
    "text: comment": "a comment or an empty line",
    "text: last line break": "nothing follows it",
    "pem: line": "line breaks and the words of the frame lines are not part of what is encoded",
    "pem: unused bits": "bits of the last character that encode nothing",
    "configuration": "the operator's own text, which is on no record: what it says is taken as meant",
    "sample": "a text to copy from, that nothing reads",
    "marker": "the file's being there is what counts",
}


def of_file(path, relative):
    """The regions of a file by name: lists of offsets."""
    data = path.read_bytes()
    if not data:
        return {}
    name = relative.split("/", 1)[1]
    if data.startswith(b"SQLite format 3\0"):
        return beneath(path, data, database(path, data))
    if name.endswith("-wal"):
        return log(data, path)
    if name.endswith((".lock", "-migrate", ".open", ".unsynced")):
        return {"marker": everything(data)}
    if name.endswith(".scrub"):
        return {"search for damage: progress": everything(data)}
    if name == "portcullis.toml":
        return lines(data, "configuration")
    if name.startswith("policy/agreements/") or name.endswith("README"):
        return {"sample": everything(data)}
    if b"-----BEGIN " in data[:40]:
        return pem(data)
    if name in ("store/portcullis.db.head", "store/spool/head"):
        return {"head: own": everything(data)}
    if "/heads/" in name:
        return {"head: shown by a partner": everything(data)}
    if name.startswith("store/spool"):
        return {"spool: head": range(min(256, len(data))), "spool: body": range(256, len(data)), "spool: end": range(max(0, len(data) - 64), len(data))}
    if name.endswith(".toml"):
        return lines(data, "text: value")
    return lines(data, "text: value") if name.startswith(("keys/", "policy/")) else {f"file: {name}": everything(data)}


def everything(data):
    return range(len(data))


def lines(data, value):
    found, at = collections.defaultdict(list), 0
    for line in data.splitlines(keepends=True):
        bare = line.strip()
        kind = "text: comment" if not bare or bare.startswith((b"#", b"//")) else value
        # The break after a comment belongs to what follows: without it the next line is a comment as well.
        found[kind] += range(at, at + len(line) - 1)
        at += len(line)
        found["text: last line break" if at == len(data) else "text: line break"].append(at - 1)
    return dict(found)


def pem(data):
    found, at, inside = collections.defaultdict(list), 0, False
    for line in data.splitlines(keepends=True):
        frame = line.startswith(b"-----")
        found["pem: line"] += range(at, at + len(line)) if frame else [at + len(line) - 1]
        if not frame:
            found["pem: body"] += range(at, at + len(line.rstrip()))
        at += len(line)
    return dict(found)


def same_pem(before, after):
    """Whether two texts encode the same bytes."""
    def decoded(data):
        body = b"".join(line for line in data.splitlines() if not line.startswith(b"-----"))
        try:
            return base64.b64decode(body + b"=" * (-len(body) % 4))
        except ValueError:
            return data
    return decoded(before) == decoded(after)


def number(data, at, length):
    return int.from_bytes(data[at:at + length], "big")


def varint(data, at):
    value = 0
    for step in range(9):
        byte = data[at + step]
        if step == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    raise AssertionError


def database(path, data):
    """Regions of an SQLite file, page by page (sqlite.org/fileformat2.html): by what the page is of, and its parts."""
    size = number(data, 16, 2)
    size = 65536 if size == 1 else size
    found = collections.defaultdict(list)
    found["database: header"] += [*range(0, 16), *range(16, 24), *range(28, 48), *range(56, 60), *range(60, 64)]
    found["database: header, counters"] += [*range(24, 28), *range(92, 100)]
    found["database: header, unused"] += [*range(48, 56), *range(64, 92)]
    connection = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    roots = [(1, "schema")] + [(root, kind) for root, kind in connection.execute("SELECT rootpage, type FROM sqlite_schema WHERE rootpage > 0")]
    connection.close()
    seen = set()

    def overflow(page, kind):
        while page and page not in seen:
            seen.add(page)
            begin = (page - 1) * size
            found[f"database: {kind}, overflow"] += range(begin, begin + size)
            page = number(data, begin, 4)

    def walk(page, kind):
        if page in seen:
            return
        seen.add(page)
        begin = (page - 1) * size
        at = begin + (100 if page == 1 else 0)
        what = data[at]
        leaf, table = what in (10, 13), what in (5, 13)
        length, cells, content = 8 if leaf else 12, number(data, at + 3, 2), number(data, at + 5, 2) or 65536
        found[f"database: {kind}, page header"] += range(at, at + length)
        found[f"database: {kind}, cell pointers"] += range(at + length, at + length + 2 * cells)
        found["database: gap in a page"] += range(at + length + 2 * cells, begin + content)
        free, block = set(), number(data, at + 1, 2)
        while block:
            free.update(range(begin + block + 4, begin + block + number(data, begin + block + 2, 2)))
            block = number(data, begin + block, 2)
        found["database: free block"] += free
        found[f"database: {kind}, cells"] += [n for n in range(begin + content, begin + size) if n not in free]
        for cell in range(cells):
            start = begin + number(data, at + length + 2 * cell, 2)
            if not leaf:
                walk(number(data, start, 4), kind)
                start += 4
            if table and not leaf:
                continue
            payload, start = varint(data, start)
            if table:
                _, start = varint(data, start)
            most = size - 35 if table else (size - 12) * 64 // 255 - 23
            if payload > most:
                least = (size - 12) * 32 // 255 - 23
                local = least + (payload - least) % (size - 4)
                overflow(number(data, start + (local if local <= most else least), 4), kind)
        if not leaf:
            walk(number(data, at + 8, 4), kind)

    for root, kind in roots:
        walk(root, kind)
    trunk = number(data, 32, 4)
    while trunk:
        begin = (trunk - 1) * size
        leaves = number(data, begin + 4, 4)
        found["database: free list"] += range(begin, begin + 8 + 4 * leaves)
        found["database: free page"] += range(begin + 8 + 4 * leaves, begin + size)
        for leaf in range(leaves):
            free = (number(data, begin + 8 + 4 * leaf, 4) - 1) * size
            found["database: free page"] += range(free, free + size)
        trunk = number(data, begin, 4)
    return dict(found)


def beneath(path, data, found):
    """The regions of a database, without the pages of which its log has a newer copy: those are one of their own."""
    wal = path.with_name(path.name + "-wal")
    if not wal.exists() or not wal.stat().st_size:
        return found
    newer, size = frames_of(wal.read_bytes())
    pages = {page for page, _ in newer}
    kept = {name: [at for at in offsets if at // size + 1 not in pages] for name, offsets in found.items()}
    kept["database: page that is newer in the log"] = [at for page in pages for at in range((page - 1) * size, min(page * size, len(data)))]
    return kept


def frames_of(data):
    """Page number and place of each frame of the log's generation that is committed, and the size of a page."""
    size, salt = number(data, 8, 4), data[16:24]
    frames, last, at = [], 0, 32
    while at + 24 + size <= len(data) and data[at + 8:at + 16] == salt:
        frames.append((number(data, at, 4), at))
        if number(data, at + 4, 4):
            last = len(frames)
        at += 24 + size
    return frames[:last], size


def log(data, path):
    """Regions of a write-ahead log: frames of the last generation that are committed, and what is behind them."""
    frames, size = frames_of(data)
    last = len(frames)
    newest = {page: at for page, at in frames}
    stored = path.with_name(path.name[:-4]).read_bytes()
    only_here = any(stored[(page - 1) * size:page * size] != data[at + 24:at + 24 + size] for page, at in newest.items())
    found = collections.defaultdict(list)
    live = "" if only_here else "superseded"
    found[f"wal: {live or 'header'}"] += range(32)
    for page, at in frames:
        found[f"wal: {live or 'frame header'}"] += range(at, at + 24)
        found[f"wal: {live or ('page' if newest[page] == at else 'earlier page')}"] += range(at + 24, at + 24 + size)
    end = 32 + last * (24 + size)
    if end < len(data):
        found["wal: after its end"] += range(end, len(data))
    return dict(found)


def kind_of(relative):
    """The file's name without what differs from node to node."""
    return re.sub(r"(ex|rq)-[0-9a-f]{32}|\b[0-9a-f]{8,}\b|\d+", "N", relative.split("/", 1)[1])
