"""The disk fails at every call of every step; after each, a restart and a power cut. See scripts/soak.d/faults."""

import argparse
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import sys
import time

import disk
import pool
from points import CLASSES, POINTS, Outcome, Problems, prepared
from world import THEM, US, Failed, Hung, World, copy, remove

# What can go wrong with a call, by its class; `+`: with this and every later one.
EVERY = ("eio", "enospc", "edquot", "kill")
KINDS = {
    "open": ("eio", "emfile"),
    "create": EVERY + ("emfile", "enospc+", "edquot+"),
    "write": EVERY + ("short", "killhalf", "enospc+", "edquot+", "eio+"),
    "sync": EVERY + ("enospc+", "edquot+", "eio+"),
    "truncate": ("eio", "kill", "eio+"),
    "allocate": EVERY + ("enospc+",),
    "unlink": ("eio", "kill", "eio+"),
    "rename": EVERY + ("killafter", "enospc+", "eio+"),
    "link": EVERY + ("enospc+",),
    "mkdir": EVERY + ("enospc+",),
}
# What is on the disk after a power cut: names as POSIX has them or as a journal has them, and whether some pages more.
CUTS = (("dir", False), ("odir", False), ("odir", True), ("dir", True))


def templates(folder, program, names, profile):
    """Makes the world of each point; gives the points that have one, and why the others have none."""
    base = World(folder / "base", program)
    print("making two nodes", file=sys.stderr)
    base.make(profile)
    prepared(base)
    kept, left_out = {}, {}
    for name in names:
        print(f"preparing {name}", file=sys.stderr)
        copy(folder / "base", folder / "world")
        point, world = POINTS[name](), World(folder / "world", program)
        try:
            point.prepare(world)
            for log in world.folder.glob("*.log"):
                log.unlink()
            (folder / "world").rename(folder / f"at-{name}")
            kept[name] = point.__dict__
        except Failed as failure:
            left_out[name] = str(failure)
            world.kill()
            remove(folder / "world")
    return kept, left_out


class Trials:
    """Runs trials in a folder of its own."""

    def __init__(self, folder, shared, program, library, kept):
        self.folder, self.shared, self.program, self.library, self.kept = folder, shared, program, library, kept
        self.world = World(folder / "world", program)
        # What was found to hold, byte for byte: it is not looked at a second time.
        self.seen = set()
        self.image = disk.Image(folder / "world", folder / "side", library)

    def fresh(self, name):
        remove(self.folder / "world")
        copy(self.shared / f"at-{name}", self.folder / "world")
        self.image.prime()
        point = POINTS[name]()
        point.restore(self.world, self.kept[name])
        return point

    def healthy(self, name):
        """The calls of the step when nothing goes wrong, after which all must hold."""
        point = self.fresh(name)
        outcome = point.step(self.world, self.image.environment(log=True), self.image.environment())
        calls = self.image.calls()
        problems = Problems()
        if not outcome.acknowledged:
            raise Failed(f"{name} does not work without a fault: {outcome.status} {outcome.said}")
        point.check(self.world, outcome, problems, True)
        if problems:
            raise Failed(f"{name} does not hold without a fault: {problems}")
        return [(what, part_of(path)) for _, what, path in calls]

    def trial(self, job):
        """One fault, then a restart and a power cut; gives what is to be reported."""
        name, match, at, kind, turn, full = job
        names, partial = CUTS[turn % len(CUTS)]
        point = self.fresh(name)
        sticky = kind.endswith("+")
        self.world.notes = []
        try:
            outcome = point.step(self.world, self.image.environment(at, kind.rstrip("+"), sticky, match=match), self.image.environment())
        except Hung as hung:
            outcome = Outcome(None, "", str(hung))
        finally:
            self.world.kill()
        struck = self.image.struck()
        if outcome.status is None or outcome.status < 0:
            outcome.said = ""
        report = {"point": name, "match": match, "at": at, "kind": kind, "call": " ".join(struck[1:]) if struck else "", "said": outcome.said,
                  "status": outcome.status, "notes": self.world.notes, "problems": [], "endings": 0}
        if outcome.hung:
            report["problems"].append(("restart", "hung", outcome.hung))
        if not struck:
            return report
        cut, after = self.folder / "cut", self.folder / "after"
        for stale in (cut, after):
            remove(stale)
        seed = turn if partial else None
        self.image.cut(cut, names, seed)
        copy(self.folder / "world", after)
        promised = self.promised(point, outcome)
        disk_says = f"{names}{', some pages' if partial else ''}"
        # After a failed sync, what comes next is done on the same disk, whose later syncs may lie, before its power fails.
        lying = not kind.startswith("kill") and (struck[1] == "sync" or sticky)

        def ending(where, check, known):
            problems = Problems()
            state = (name, where, outcome.acknowledged, outcome.unknown, full, digest_of(self.folder / "world"))
            if state in self.seen and not lying:
                return
            try:
                check(problems)
                if not problems and point.light:
                    self.seen.add(state)
            except Hung as hung:
                problems.add("hung", str(hung))
            except Failed as failure:
                problems.add("cannot_start", str(failure))
            finally:
                self.world.kill()
            # Where a node is that was never acknowledged, none may be; then none serves.
            serves = self.world.path(point.node).exists() and not any(what == "cannot_start" for what, _ in problems)
            if serves and self.ledger(point.node, "world")[:len(known)] != known:
                problems.add("rolled_back", f"{point.node} serves, and the {len(known)} entries that others were shown or told of are not in its ledger")
            report["endings"] += 1
            report["problems"] += [(where, what, text) for what, text in problems]

        if lying:
            self.world.on(self.image.environment())
        ending("restart", lambda problems: point.check(self.world, outcome, problems, full), promised)
        self.world.on({})
        if lying and not report["problems"]:
            later, then = self.folder / "later", self.folder / "then"
            for stale in (later, then):
                remove(stale)
            self.image.cut(later, names, seed)
            known = self.ledger(point.node, "world")
            (self.folder / "world").rename(then)
            self.lose_power(point, later, then)
            ending(f"restart, then a power cut ({disk_says})", lambda problems: point.after(self.world, problems), known)
        self.lose_power(point, cut, after)
        ending(f"power cut ({disk_says})", lambda problems: point.check(self.world, outcome, problems, full), promised)
        return report

    def promised(self, point, outcome):
        """The entries of the node's ledger that others know of: those that the partner has seen, and after a success all."""
        entries = self.ledger(point.node, "after")
        if outcome.acknowledged:
            return entries
        sizes = [0]
        for other in (US, THEM):
            query = "SELECT size FROM witness WHERE partner = ?"
            sizes += [size for size, in self.select(other, "after", query, point.node) if other != point.node]
        return entries[:max(sizes)]

    def ledger(self, node, where):
        return self.select(node, where, "SELECT n, bytes FROM ledger ORDER BY n")

    def select(self, node, where, query, *values):
        """Reads a copy of a node's store: whoever reads the store itself may leave it changed."""
        store, scratch = self.folder / where / node / "store", self.folder / "scratch"
        remove(scratch)
        scratch.mkdir()
        for name in ("portcullis.db", "portcullis.db-wal"):
            if (store / name).exists():
                shutil.copyfile(store / name, scratch / name)
        try:
            with contextlib.closing(sqlite3.connect(scratch / "portcullis.db")) as connection:
                return connection.execute(query, values).fetchall()
        except sqlite3.Error:
            return []

    def lose_power(self, point, cut, after):
        """The machine of the node that was disturbed has what was durable; the other's is as it was, so that what it was told
        is held against what is left."""
        world = self.folder / "world"
        remove(world)
        after.rename(world)
        for name in (point.node, "people"):
            remove(world / name)
            if (cut / name).exists():
                (cut / name).rename(world / name)


def digest_of(folder):
    """The names and bytes of all files, but for logs and shared memory."""
    sum_of = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.name.endswith((".log", "-shm")):
            continue
        content = path.read_bytes() if path.is_file() else b""
        sum_of.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return sum_of.digest()


def plain(text):
    """A message without what differs from run to run."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r'^\{"timestamp":"[^"]*",', "{", text, flags=re.M)
    text = re.sub(r"\b(rq|ex)-[0-9a-f]{32}", r"\1-N", text)
    text = re.sub(r"\b[0-9a-f]{8,}\b", "HEX", text)
    text = re.sub(r"/[^ \"'`]*/(world|people)\b", r"…/\1", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "WHEN", text)
    return re.sub(r"\b\d+\b", "N", text)


def main():
    reader = argparse.ArgumentParser(prog="scripts/soak faults", description=__doc__)
    reader.add_argument("--program", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    reader.add_argument("--json", type=pathlib.Path, help="write what was found there as well")
    reader.add_argument("--seconds", type=float, help="stop after so long")
    reader.add_argument("--seed", type=int, default=0, help="the order of the trials (0)")
    reader.add_argument("--from", dest="first", type=int, default=0, help="begin at this trial of that order")
    reader.add_argument("--count", type=int, default=20_000, help="faults to inject (20000)")
    reader.add_argument("--point", action="append", choices=POINTS, help="only this step; repeat for several")
    reader.add_argument("--workers", type=int, default=os.cpu_count(), help="trials at once (one a processor)")
    reader.add_argument("--profile", default="classical", help="profile of the nodes (classical)")
    reader.add_argument("--full", type=int, default=4, help="every how manyeth trial of a command ends with a delivery (4)")
    reader.add_argument("--keep", type=pathlib.Path, help="work in this folder of a tmpfs and leave it")
    options = reader.parse_args()
    folder = options.keep or pathlib.Path("/dev/shm") / f"portcullis-faults-{os.getpid()}"
    folder.mkdir(mode=0o700)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(run(options, folder))
    finally:
        if not options.keep:
            remove(folder)


def run(options, folder):
    library = disk.build(folder)
    shared = folder / "shared"
    shared.mkdir()
    kept, left_out = pool.apart(lambda: templates(shared, options.program, options.point or list(POINTS), options.profile))

    def start(number):
        mine = folder / f"worker-{number}-{os.getpid()}"
        mine.mkdir()
        return Trials(mine, shared, options.program, library, kept)

    sums, by_point, by_kind = collections.Counter(), collections.Counter(), collections.Counter()
    errors, problems, broken, calls = {}, [], [], {}
    begun, done, position = time.monotonic(), 0, options.first

    def jobs(order):
        nonlocal position
        sent = 0
        while order and sums["faults"] + (sent - done) < options.count:
            if options.seconds and time.monotonic() - begun > options.seconds:
                return
            name, match, at, kind = order[position % len(order)]
            # Each round of the order cuts the power in another way.
            yield name, match, at, kind, position // len(order) + position, position % options.full == 0
            position += 1
            sent += 1

    def summary():
        result = {
            "program": str(options.program), "seed": options.seed, "first": options.first, "seconds": round(time.monotonic() - begun, 1),
            "faults": sums["faults"], "endings": sums["endings"], "not_reached": sums["not_reached"],
            "sums": {name: sums[name] for name in CLASSES}, "calls": {name: len(found) for name, found in calls.items()},
            "by_point": dict(by_point), "by_kind": dict(by_kind), "left_out": left_out, "broken": broken, "problems": problems,
            "errors": [{"text": text, **value} for text, value in sorted(errors.items())],
        }
        if options.json:
            options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        return result

    try:
        for name, found, failed in pool.run(options.workers, lambda number: start(number).healthy, kept):
            if failed:
                left_out[name] = failed
            else:
                calls[name] = found
                print(f"{name}: {len(found)} calls", file=sys.stderr)
        order = plan({name: calls[name] for name in kept if name in calls}, options.seed)
        print(f"{len(order)} ways to fail", file=sys.stderr)
        for name, why in left_out.items():
            print(f"NOT TRIED: {name}: {why}", file=sys.stderr)
        for job, report, failed in pool.run(options.workers, lambda number: start(number).trial, jobs(order)):
            done += 1
            if failed:
                broken.append(f"{job}: {failed}")
                continue
            take(report, job, sums, by_point, by_kind, errors, problems)
            if done % 50 == 0:
                rate = done / (time.monotonic() - begun)
                summary()
                print(f"{sums['faults']} faults, at {position} of the order, {rate:.1f} a second: {problem_line(sums)}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"interrupted at {position} of the order", file=sys.stderr)
    except Failed as failure:
        broken.append(str(failure))
    result = summary()
    print(json.dumps({key: result[key] for key in ("faults", "endings", "not_reached", "sums", "by_point", "left_out", "broken")}))
    for entry in problems[:40]:
        print(f"{entry['point']} {entry['kind']} at {entry['at']} ({entry['call']}), {entry['ending']}: {entry['class']}: {entry['text'][:600]}", file=sys.stderr)
    wrong = any(sums[name] for name in CLASSES) or broken or left_out or not sums["faults"]
    return 1 if wrong else 0


def part_of(path):
    """The part of a node that a file belongs to: calls are counted by class and part, since a server's threads mix them."""
    parts = path.split("/")
    if len(parts) > 2 and parts[1] == "store":
        return "store/spool" if parts[2] == "spool" else parts[2]
    return f"{parts[0]}/{parts[1]}/" if len(parts) > 2 else ""


def plan(calls, seed):
    """Every call of every step with everything that can go wrong with it, in an order of the seed."""
    order = []
    for name, found in calls.items():
        for (what, part), times in sorted(collections.Counter(found).items()):
            order += [(name, (what, part), at, kind) for at in range(1, times + 1) for kind in KINDS[what]]
    random.Random(seed).shuffle(order)
    return order


def take(report, job, sums, by_point, by_kind, errors, problems):
    if not report["call"] and not report["problems"]:
        sums["not_reached"] += 1
        return
    sums["faults"] += 1
    sums["endings"] += report["endings"]
    by_point[report["point"]] += 1
    by_kind[report["kind"]] += 1
    example = {key: report[key] for key in ("point", "match", "at", "kind", "call", "status")}
    for text in {line for whole in (report["said"], *report["notes"]) for line in whole.splitlines()}:
        # Of what a server logs, what is wrong.
        if text and '"level":"INFO"' not in text:
            kept = errors.setdefault(plain(text), {"times": 0, "example": {**example, "text": text}})
            kept["times"] += 1
    seen = set()
    for ending, what, text in report["problems"]:
        if what not in seen:
            sums[what] += 1
            seen.add(what)
        problems.append({**example, "turn": job[4], "full": job[5], "ending": ending, "class": what, "text": text, "said": report["said"]})


def problem_line(sums):
    return ", ".join(f"{sums[name]} {name}" for name in CLASSES)


if __name__ == "__main__":
    main()
