"""One bit of a file of a node is flipped, in every kind of byte of every file. See scripts/soak.d/flips."""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import signal
import sys
import time

import pool
import regions
from faults import plain
from points import exchanges, inbox, prepared, same, content
from world import THEM, US, Failed, Hung, World, copy, remove, tail

# What each node is asked; all that these answer must be as it was.
QUESTIONS = {
    US: (("ledger", "verify"), ("status", "--all"), ("status", "--awaiting"), ("store", "search", "EXERCISE"), ("ledger", "show"), ("officer", "list"),
         ("partner", "list"), ("cert", "show"), ("policy", "status"), ("change", "list")),
    THEM: (("ledger", "verify"), ("inbox", "list"), ("status", "--all"), ("ledger", "show"), ("partner", "list"), ("cert", "show"), ("policy", "status")),
}
CALM = re.compile(r'"level":"(INFO|DEBUG)"')


def make(folder, program, profile):
    """Two nodes with something of everything on record; the sender was killed, so that its log is still there."""
    world = World(folder / "world", program)
    world.make(profile)
    prepared(world)
    package = world.folder_product("LONG", 200_000)
    requests = world.release(world.product("ONE"), world.product("TWO"), package)
    world.serve(THEM), world.serve(US)
    world.wait("delivered", lambda: world.log(US).count('"message":"delivered"') >= 3)
    world.stop(THEM)
    waiting = world.submit(world.product("WAITS"), world.product("QUEUED")).ok()["requests"]
    world.approve(waiting[0]["request"], "officer-1").ok()
    for who in ("officer-1", "officer-2"):
        world.approve(waiting[1]["request"], who).ok()
    world.run(US, "recall", requests[1], "--key", world.key("officer-1"), "--why", "incorrect").ok()
    world.wait("sealed", lambda: any(e["state"] == "queued" for e in exchanges(world, US)))
    world.kill()
    items = {i["title"]: i["exchange"] for i in inbox(world)}
    world.run(THEM, "inbox", "take", items["EXERCISE ONE"], "--out", world.path("people", "one")).ok()
    for log in world.folder.glob("*.log"):
        log.unlink()
    attachment = (package / "attachments" / "table.csv").read_bytes()
    return attachment


def told(answer):
    """What was answered, without how far the search for damage has come."""
    return {key: value for key, value in answer.value.items() if key != "scrub"} if isinstance(answer.value, dict) else answer.value


class Flips:
    def __init__(self, folder, program, template, attachment):
        self.folder, self.template, self.attachment = folder, template, attachment
        self.world = World(folder / "world", program)
        self.known, self.questions = None, dict(QUESTIONS)

    def fresh(self):
        remove(self.world.folder)
        copy(self.template, self.world.folder)

    def answers(self, node):
        """What the node says, question by question: status and text."""
        for question in self.questions[node]:
            yield question, self.world.run(node, *question)

    def baseline(self):
        """What both nodes say when nothing is flipped."""
        if self.known is None:
            self.fresh()
            waiting = self.world.run(US, "status", "--awaiting").ok()["awaiting"]
            self.questions[US] = (*QUESTIONS[US], *(("request", "show", request["request"]) for request in waiting))
            received = [item["exchange"] for item in inbox(self.world) if item["state"] == "received"]
            self.questions[THEM] = (*QUESTIONS[THEM], *(("inbox", "show", exchange) for exchange in received))
            self.known = {node: {question: answer for question, answer in self.answers(node)} for node in QUESTIONS}
            for node, answers in self.known.items():
                for question, answer in answers.items():
                    if answer.status != 0:
                        raise Failed(f"{node}: {question} ends with {answer.status} without a flip: {answer.stderr}")
            found = self.serve()
            if found:
                raise Failed(f"without a flip: {found}")
            self.alarms = {node: self.alarms_of(node) for node in QUESTIONS}
        return self.known

    def flip(self, job):
        """One flip; gives how it was found, or that nothing has changed, or that it was not found."""
        file, region, offset, bit = job
        known = self.baseline()
        self.fresh()
        node = file.split("/", 1)[0]
        path = self.world.path(file)
        before = path.read_bytes()
        after = bytearray(before)
        after[offset] ^= 1 << bit
        # In place, with owner and mode as they were.
        with open(path, "r+b") as out:
            out.seek(offset)
            out.write(after[offset:offset + 1])
        if region == "pem: body" and regions.same_pem(before, bytes(after)):
            region = "pem: unused bits"
        differs = ""
        try:
            for question, answer in self.answers(node):
                # Something that is suddenly not there is not found to be damaged.
                if answer.status != 0 and "is on record" in answer.stderr:
                    differs = differs or answer.stderr.strip()
                elif answer.status != 0:
                    return region, "asked", f"{' '.join(question)}: {answer.stderr.strip() or answer.stdout.strip()}"
                was = known[node][question]
                if answer.value.get("alarms") != was.value.get("alarms"):
                    return region, "asked", f"alarm: {json.dumps(answer.value.get('alarms'))}"
                if told(answer) != told(was):
                    differs = differs or f"{' '.join(question)} says something else"
            found = self.serve(node)
            if found:
                return region, *found
            alarms = self.alarms_of(node)
            if alarms != self.alarms[node]:
                return region, "alarm", json.dumps(alarms)
            differs = differs or self.arrived()
            if not differs and file.split("/")[1] == "keys":
                answer = self.world.run(node, "cert", "refresh-list")
                if answer.status != 0:
                    return region, "used", answer.stderr.strip()
        except Hung as hung:
            differs = str(hung)
        finally:
            self.world.kill()
        if "is quarantined" in differs:
            return region, "quarantined", differs
        if differs:
            # The operator's own text says what it says.
            return (region, "taken as meant", differs) if region == "configuration" else (region, "silent", differs)
        return region, "nothing changed" if region in regions.INDIFFERENT else "unexplained", ""

    def alarms_of(self, node):
        value = self.world.run(node, "status").ok()
        return sorted((a.get("kind", a.get("alarm", "")), a.get("subject", "")) for a in value.get("alarms", []))

    def serve(self, flipped=None):
        """Both serve, until what is queued is delivered and all was looked at; gives how something was found."""
        world = self.world
        looked = self.whole_pass(flipped) if flipped else None
        try:
            world.serve(THEM), world.serve(US)

            def done():
                said = world.log(flipped) if flipped else ""
                return world.log(US).count('"message":"delivered"') >= 2 or '"level":"ERROR"' in said

            world.wait("what is queued is delivered", done, timeout=20, pause=0.05)
            until = time.monotonic() + 30
            while looked is not None and self.whole_pass(flipped) == looked:
                if time.monotonic() > until:
                    raise Failed("the server has not looked through its store within 30 s")
                time.sleep(0.1)
        except Failed as failure:
            return "served", str(failure)
        said = [line for line in world.log(flipped).splitlines() if not CALM.search(line)] if flipped else []
        said = [line for line in said if '"level":"ERROR"' in line or "alarm" in line]
        ended = [(node, world.stop(node)) for node in (US, THEM)]
        if said:
            return "served", tail("\n".join(said), 2)
        if any(status for _, status in ended):
            return "served", f"serve ended: {ended}"
        return None

    def whole_pass(self, node):
        """When the node last looked through all of its store, where it says so; `None` if it does not look."""
        state = self.world.run(node, "status").value.get("scrub")
        return None if state is None else state.get("whole", "")

    def arrived(self):
        """What is wrong with what the receiver has now."""
        rows = {i["title"]: i for i in inbox(self.world)}
        for title, state in (("EXERCISE ONE", "taken"), ("EXERCISE TWO", "received"), ("EXERCISE LONG", "received"), ("EXERCISE QUEUED", "received")):
            if title not in rows or rows[title]["state"] != state:
                return f"{title} is {rows[title]['state'] if title in rows else 'not there'}"
        if not rows["EXERCISE TWO"]["recalled"]:
            return "the recall did not arrive"
        for name, attachment in (("LONG", self.attachment), ("QUEUED", None)):
            out = self.world.path("people", f"check-{name}")
            answer = self.world.run(THEM, "inbox", "take", rows[f"EXERCISE {name}"]["exchange"], "--out", out)
            if answer.status != 0 or not same(out, content(name, attachment)):
                return f"{name} cannot be taken as it was sent: {answer.stderr}"
        return ""


def chosen(template, each, seed):
    """The flips: in every region of every file so many offsets, with one bit of each."""
    draw = random.Random(seed)
    for node in QUESTIONS:
        for path in sorted((template / node).rglob("*")):
            relative = str(path.relative_to(template))
            if not path.is_file() or relative.endswith("-shm"):
                continue
            for region, offsets in sorted(regions.of_file(path, relative).items()):
                offsets = list(offsets)
                for offset in draw.sample(offsets, min(each, len(offsets))):
                    yield relative, region, offset, draw.randrange(8)


def main():
    reader = argparse.ArgumentParser(prog="scripts/soak flips", description=__doc__)
    reader.add_argument("--program", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    reader.add_argument("--json", type=pathlib.Path, help="write what was found there as well")
    reader.add_argument("--each", type=int, default=8, help="flips in every region of every file (8)")
    reader.add_argument("--seed", type=int, default=0, help="which bytes and bits (0)")
    reader.add_argument("--seconds", type=float, help="stop after so long")
    reader.add_argument("--only", default="", help="only files whose name contains this")
    reader.add_argument("--workers", type=int, default=os.cpu_count(), help="flips at once (one a processor)")
    reader.add_argument("--profile", default="classical", help="profile of the nodes (classical)")
    options = reader.parse_args()
    folder = pathlib.Path("/dev/shm") / f"portcullis-flips-{os.getpid()}"
    folder.mkdir(mode=0o700)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(run(options, folder))
    finally:
        remove(folder)


def run(options, folder):
    template = folder / "template"
    attachment = pool.apart(lambda: (make(folder, options.program, options.profile), (folder / "world").rename(template))[0])
    jobs = [job for job in chosen(template, options.each, options.seed) if options.only in job[0]]
    random.Random(options.seed).shuffle(jobs)
    print(f"{len(jobs)} flips in {len({job[0] for job in jobs})} files", file=sys.stderr)
    begun, sums, table, texts, wrong, broken = time.monotonic(), collections.Counter(), collections.defaultdict(collections.Counter), {}, [], []

    def start(number):
        mine = folder / f"worker-{number}-{os.getpid()}"
        mine.mkdir()
        return Flips(mine, options.program, template, attachment).flip

    def until_late():
        for job in jobs:
            if options.seconds and time.monotonic() - begun > options.seconds:
                return
            yield job

    try:
        for job, found, failed in pool.run(options.workers, start, until_late()):
            if failed:
                broken.append(f"{job}: {failed}")
                continue
            region, how, text = found
            sums[how] += 1
            table[f"{regions.kind_of(job[0])}, {region}"][how] += 1
            if text:
                kept = texts.setdefault(plain(text), {"times": 0, "example": {"file": job[0], "offset": job[2], "bit": job[3], "text": text[:2000]}})
                kept["times"] += 1
            if how in ("silent", "unexplained"):
                wrong.append({"file": job[0], "region": region, "offset": job[2], "bit": job[3], "how": how, "text": text[:2000]})
            if sum(sums.values()) % 100 == 0:
                print(f"{sum(sums.values())} of {len(jobs)}: {dict(sums)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    except Failed as failure:
        broken.append(str(failure))
    result = {
        "program": str(options.program), "seed": options.seed, "seconds": round(time.monotonic() - begun, 1), "chosen": len(jobs),
        "flips": sum(sums.values()), "sums": dict(sums), "broken": broken, "wrong": wrong,
        "regions": {name: dict(counts) for name, counts in sorted(table.items())}, "indifferent": regions.INDIFFERENT,
        "texts": [{"text": text, **value} for text, value in sorted(texts.items())],
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({key: result[key] for key in ("chosen", "flips", "sums", "broken")}))
    for entry in wrong[:60]:
        print(f"{entry['how']}: {entry['file']} byte {entry['offset']} bit {entry['bit']} ({entry['region']}): {entry['text'][:300]}", file=sys.stderr)
    return 1 if wrong or broken or not sums else 0


if __name__ == "__main__":
    main()
