"""The steps of a node's life in which the disk is made to fail, and what has to hold after each.

A point prepares a world once; each trial does `step` on a copy of it with one fault, and `check` looks at the world after a
restart or a power cut. `check` gives what does not hold as `(class, text)`; the classes are those of CLASSES.
"""

import json
import pathlib
import re
import sqlite3
import time

from world import DECIDERS, ROOT, THEM, US, Failed, quick_configuration, tail

CLASSES = ("lost", "doubled", "missing", "cannot_start", "half_made", "rolled_back", "stuck", "hung")
UNKNOWN = re.compile(r"not known|unknown|may or may not", re.I)
STARTED = '"node started"'


class Outcome:
    """What came of a step: `status` None where it was killed, or never ended by itself."""

    def __init__(self, status=None, said="", hung=""):
        self.status, self.said, self.hung = status, said.strip(), hung

    @property
    def acknowledged(self):
        return self.status == 0

    @property
    def unknown(self):
        return self.status is None or self.status < 0 or bool(UNKNOWN.search(self.said))


def of(answer):
    return Outcome(answer.status, answer.stderr + answer.stdout if answer.status else answer.stderr)


class Problems(list):
    def add(self, kind, text):
        self.append((kind, text))


def exchanges(world, node):
    return world.run(node, "status", "--all").ok()["exchanges"]


def on_record(world, node, table):
    """How many rows a table has; the node must be stopped."""
    connection = sqlite3.connect(f"file:{world.path(node, 'store', 'portcullis.db')}?mode=ro", uri=True)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        connection.close()


def inbox(world):
    return world.run(THEM, "inbox", "list").ok()["items"]


def starts(world, node, problems):
    """Whether the server starts and stops as it should."""
    before = len(world.log(node))
    child = world.serve(node)
    until = time.monotonic() + 30
    while child.poll() is None and STARTED not in world.log(node)[before:]:
        if time.monotonic() > until:
            problems.add("cannot_start", f"{node}: serve says nothing for 30 s: {tail(world.log(node)[before:])}")
            world.kill(node)
            return False
        time.sleep(0.01)
    if child.poll() is not None:
        world.servers.pop(node, None)
        problems.add("cannot_start", f"{node}: serve ended with {child.returncode}: {tail(world.log(node)[before:])}")
        return False
    status = world.stop(node)
    if status != 0:
        problems.add("hung", f"{node}: serve ended with {status} when it was told to stop: {tail(world.log(node)[before:])}")
    return True


def verified(world, node, problems, full=True):
    for arguments in (("ledger", "verify"), ("status",))[:2 if full else 1]:
        answer = world.run(node, *arguments)
        if answer.status != 0:
            problems.add("lost", f"{node}: {' '.join(arguments)}: status {answer.status}: {answer.stdout[-600:]}{answer.stderr[-600:]}")


def completes(world, problems, expected):
    """Both nodes serve until all that is queued is delivered; then the inbox holds each of `expected` (title: bytes) once."""
    try:
        world.serve(THEM)
        world.serve(US)

        said, asked = None, 0.0

        def done():
            # Asking costs more than all the rest: only when the node has said something since, or not for a while.
            nonlocal said, asked
            logged, now = len(world.log(US)), time.monotonic()
            if logged == said and now - asked < 1:
                return False
            said, asked = logged, now
            rows = exchanges(world, US)
            states[:] = [f"{r['state']} {r['last_failure']}".strip() for r in rows]
            return all(r["state"] in ("delivered", "cancelled") for r in rows) or any(r["state"] == "parked" for r in rows)

        states = []
        world.wait("the exchange completes", done, pause=0.05)
        if any(state.startswith("parked") for state in states):
            problems.add("stuck", f"it waits for an operator: {', '.join(states)}")
    except Failed as failure:
        kind = "cannot_start" if "ended with" in str(failure) else "stuck"
        failure = f"{failure}: {', '.join(states)}"
        problems.add(kind, str(failure))
    for node in (US, THEM):
        status = world.stop(node)
        if status != 0:
            problems.add("hung", f"{node}: serve ended with {status} when it was told to stop: {tail(world.log(node))}")
    arrived(world, problems, expected)


def arrived(world, problems, expected):
    items = [i for i in inbox(world)]
    for title, content in expected.items():
        rows = [i for i in items if i["title"] == title]
        if len(rows) > 1:
            problems.add("doubled", f"{title} is {len(rows)} times in the inbox")
        elif not rows:
            problems.add("missing", f"{title} is not in the inbox")
        elif rows[0]["state"] == "quarantined":
            problems.add("lost", f"{title} is in quarantine")
        elif world.takes and rows[0]["state"] == "received" and not rows[0]["recalled"]:
            out = world.path("people", f"check-{time.monotonic_ns()}")
            answer = world.run(THEM, "inbox", "take", rows[0]["exchange"], "--out", out)
            if answer.status != 0:
                problems.add("lost", f"{title} cannot be taken: {answer.stderr[-600:]}")
            elif not same(out, content):
                problems.add("lost", f"{title} has other bytes")


def same(out, content):
    """Whether what was taken is the product: a text, or a folder with attachments. A cut has a header of its own, so the text
    is compared from its body on."""
    if out.is_dir():
        found = out / "attachments" / "table.csv"
        return found.exists() and content["attachment"] is not None and found.read_bytes() == content["attachment"] \
            and content["text"] in (out / "product.txt").read_text()
    return content["attachment"] is None and content["text"] in out.read_text()


def content(name, attachment=None):
    return {"text": f"EXERCISE text of {name}.", "attachment": attachment}


class Point:
    """A step at `node`. `light`: whether most trials need no more than a start and what is on record."""

    node, light = US, True

    def prepare(self, world):
        """What is to be there before the step; `world` has both nodes, founded and enrolled."""

    def restore(self, world, kept):
        """Sets what `prepare` found out, in another process."""
        self.__dict__.update(kept)

    def step(self, world, faulted, plain):
        """Does it: `faulted` is the environment of the process that is disturbed, `plain` that of the others."""
        raise NotImplementedError

    def check(self, world, outcome, problems, full):
        raise NotImplementedError

    def after(self, world, problems):
        """What holds after a power cut that comes after all was put right."""
        if world.path(self.node).exists() and starts(world, self.node, problems):
            verified(world, self.node, problems)


class Command(Point):
    """A step that is one command."""

    def command(self, world):
        raise NotImplementedError

    def step(self, world, faulted, plain):
        return of(world.run(self.at(), *self.command(world), environment=faulted))

    def at(self):
        return self.node

    def again(self, world, problems, outcome, done_already=()):
        """Where it was not done it can be done again, or says that it is done."""
        answer = world.run(self.at(), *self.command(world))
        said = answer.stderr + answer.stdout
        if answer.status != 0 and not any(text in said for text in done_already):
            problems.add("half_made", f"it cannot be done again: status {answer.status}: {said[-600:]}")
        return answer


class Init(Command):
    node = "new"

    def at(self):
        return None

    def prepare(self, world):
        self.command_again(world, "good").ok()
        self.good = sorted(str(p.relative_to(world.path("good"))) for p in world.path("good").rglob("*")
                           if p.name not in ("portcullis.db-wal", "portcullis.db-shm"))

    def command_again(self, world, folder):
        return world.run(None, "init", world.path(folder), "--name", "exercise-fra", "--code", "FRA", "--organisation", "EXERCISE",
                         "--contact", "EXERCISE desk", "--profile", "classical")

    def command(self, world):
        return ("init", world.path("new"), "--name", "exercise-fra", "--code", "FRA", "--organisation", "EXERCISE", "--contact",
                "EXERCISE desk", "--profile", "classical")

    def check(self, world, outcome, problems, full):
        folder = world.path("new")
        if not folder.exists():
            if outcome.acknowledged:
                problems.add("missing", "init succeeded and there is no node")
            answer = world.run(None, *self.command(world))
            if answer.status != 0:
                problems.add("half_made", f"init cannot be done again: {answer.stderr[-600:]}")
                return
        # What opens the node first makes the files of the ledger's head where they could not be made.
        answer = world.run("new", "status")
        found = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.name not in ("portcullis.db-wal", "portcullis.db-shm"))
        missing = [name for name in self.good if name not in found]
        if missing:
            problems.add("half_made", f"the node lacks {missing[0]}, and {len(missing) - 1} more; status ends with {answer.status}")
        elif answer.status != 0:
            problems.add("half_made", f"the node is there and status ends with {answer.status}: {answer.stderr[-600:]}")
        else:
            verified(world, "new", problems)
            if full:
                starts(world, "new", problems)


class Submit(Command):
    def prepare(self, world):
        self.name = "ONE"
        folder = world.folder_product("ONE", 200_000)
        self.attachment = (folder / "attachments" / "table.csv").read_bytes().decode()

    def command(self, world):
        return ("submit", world.path("people", "ONE"), "--key", world.key("producer"), "--to", THEM, "--purpose", "EXERCISE",
                "--expires", "80d")

    def check(self, world, outcome, problems, full):
        if not starts(world, US, problems):
            return
        verified(world, US, problems, full)
        requests = on_record(world, US, "request")
        if outcome.acknowledged and requests != 1:
            problems.add("missing", f"submit succeeded, and {requests} requests are on record")
        if not outcome.acknowledged and not outcome.unknown and requests:
            problems.add("doubled", f"submit failed, and the request is on record: {outcome.said[-400:]}")
        if requests > 1:
            problems.add("doubled", f"{requests} requests")
        if not requests and (full or not outcome.acknowledged):
            answer = self.again(world, problems, outcome)
            if answer.status != 0:
                return
        if full:
            request = [r["request"] for r in world.run(US, "status", "--awaiting").ok()["awaiting"]][0]
            for who in ("officer-1", "officer-2"):
                answer = world.approve(request, who)
                if answer.status != 0:
                    problems.add("lost", f"what is on record cannot be approved: {answer.stderr[-600:]}")
                    return
            completes(world, problems, {"EXERCISE ONE": content("ONE", self.attachment.encode())})


class Approve(Command):
    def prepare(self, world):
        world.product("ONE")
        self.request = world.submit(world.path("people", "ONE.txt")).ok()["request"]
        world.approve(self.request, "officer-1").ok()

    def command(self, world):
        return ("approve", "--yes", "--key", world.key("officer-2"), self.request)

    def check(self, world, outcome, problems, full):
        if not starts(world, US, problems):
            return
        verified(world, US, problems, full)
        if not outcome.acknowledged:
            self.again(world, problems, outcome, ("already",))
        if full:
            completes(world, problems, {"EXERCISE ONE": content("ONE")})


class Serving(Point):
    """Both nodes serve until what is queued is delivered; one of them is disturbed."""

    light = False

    def prepare(self, world):
        folder = world.folder_product("LONG", 200_000)
        self.attachment = (folder / "attachments" / "table.csv").read_bytes().decode()
        world.release(world.product("ONE"), folder)

    def expected(self):
        return {"EXERCISE ONE": content("ONE"), "EXERCISE LONG": content("LONG", self.attachment.encode())}

    def done(self, world):
        return world.log(US).count('"message":"delivered"') >= 2

    def step(self, world, faulted, plain):
        other = THEM if self.node == US else US
        world.serve(other, environment=plain)
        child = world.serve(self.node, environment=faulted)
        struck = pathlib.Path(plain["FAULT_SIDE"], "struck")
        begun, since = time.monotonic(), None
        while child.poll() is None and not self.done(world):
            now = time.monotonic()
            since = since or (now if struck.exists() else None)
            if (since and now - since > 2) or now - begun > 30:
                break
            time.sleep(0.02)
        outcome = Outcome(child.poll(), tail(world.log(self.node), 3) if child.poll() is not None else "")
        if child.poll() is None:
            # It stops with the fault still to come, or still there, as it may.
            world.stop(self.node)
            outcome = Outcome(child.returncode, tail(world.log(self.node), 3) if child.returncode else "")
        else:
            world.servers.pop(self.node)
        world.kill()
        world.notes = [line for node in (US, THEM) for line in world.log(node).splitlines() if '"ERROR"' in line or '"WARN"' in line]
        return outcome

    def check(self, world, outcome, problems, full):
        delivered = [r["exchange"] for r in exchanges(world, US) if r["state"] == "delivered"]
        have = [i["exchange"] for i in inbox(world) if i["state"] in ("received", "taken")]
        for exchange in delivered:
            if exchange not in have:
                problems.add("missing", f"{exchange} is delivered at the sender and not in the inbox")
        completes(world, problems, self.expected())
        for node in (US, THEM):
            verified(world, node, problems)


    def after(self, world, problems):
        super().after(world, problems)
        arrived(world, problems, self.expected())


class Deliver(Serving):
    node = US


class Receive(Serving):
    node = THEM


class Delivered(Command):
    """Points that begin with both products delivered."""

    def prepare(self, world):
        folder = world.folder_product("LONG", 200_000)
        self.attachment = (folder / "attachments" / "table.csv").read_bytes().decode()
        self.requests = world.release(world.product("ONE"), folder)
        world.serve(THEM)
        world.serve(US)
        world.wait("delivered", lambda: world.log(US).count('"message":"delivered"') >= 2)
        world.stop(US), world.stop(THEM)
        self.items = {i["title"]: i["exchange"] for i in inbox(world)}


class Take(Delivered):
    node = THEM

    def out(self, world):
        return world.path("people", "taken")

    def command(self, world):
        return ("inbox", "take", self.items["EXERCISE LONG"], "--out", self.out(world))

    def check(self, world, outcome, problems, full):
        expected = content("LONG", self.attachment.encode())
        out = self.out(world)
        row = [i for i in inbox(world) if i["title"] == "EXERCISE LONG"]
        taken = bool(row) and row[0]["state"] == "taken"
        if out.exists() and not same(out, expected):
            problems.add("half_made", "what was taken is there in part, under its name")
        if out.exists() and not taken:
            problems.add("half_made", "the product is on the disk, and not on record as taken")
        if outcome.acknowledged and not (taken and out.exists()):
            problems.add("missing", "take succeeded, and what it wrote or its record is gone")
        if not starts(world, THEM, problems):
            return
        verified(world, THEM, problems, full)
        if not out.exists() or not same(out, expected):
            again = world.path("people", "again")
            answer = world.run(THEM, "inbox", "take", self.items["EXERCISE LONG"], "--out", again)
            if answer.status != 0:
                problems.add("lost", f"it cannot be taken (again): {answer.stderr[-600:]}")
            elif not same(again, expected):
                problems.add("lost", "it has other bytes")
        if full:
            arrived(world, problems, {"EXERCISE ONE": content("ONE")})


    def after(self, world, problems):
        super().after(world, problems)
        answer = world.run(THEM, "inbox", "take", self.items["EXERCISE LONG"], "--out", world.path("people", "later"))
        kept = [out for out in (self.out(world), world.path("people", "again"), world.path("people", "later")) if out.exists()]
        if not any(same(out, content("LONG", self.attachment.encode())) for out in kept):
            problems.add("lost", f"what was taken is neither there nor can it be taken: {answer.stderr[-400:]}")


class Recall(Delivered):
    def command(self, world):
        return ("recall", self.requests[0], "--key", world.key("officer-1"), "--why", "incorrect")

    def check(self, world, outcome, problems, full):
        if not starts(world, US, problems):
            return
        verified(world, US, problems, full)
        if not outcome.acknowledged:
            self.again(world, problems, outcome, ("already",))
        if not full:
            return
        try:
            world.serve(THEM)
            world.serve(US)
            world.wait("the recall arrives", lambda: any(i["recalled"] for i in inbox(world)), timeout=20, pause=0.2)
        except Failed as failure:
            problems.add("missing" if outcome.acknowledged else "lost", f"{failure} {tail(world.log(US))}")
        for node in (US, THEM):
            world.stop(node)
            verified(world, node, problems)


class Queued(Command):
    """Points that begin with a product queued, which is delivered after the fault."""

    done_already = ()

    def prepare(self, world):
        world.release(world.product("ONE"))

    def check(self, world, outcome, problems, full):
        if not starts(world, US, problems):
            return
        verified(world, US, problems, full)
        if not outcome.acknowledged:
            self.again(world, problems, outcome, self.done_already)
        self.holds(world, outcome, problems)
        if full:
            completes(world, problems, {"EXERCISE ONE": content("ONE")})

    def holds(self, world, outcome, problems):
        pass


class Renew(Queued):
    def command(self, world):
        return ("cert", "renew")

    def holds(self, world, outcome, problems):
        answer = world.run(US, "cert", "show")
        if answer.status != 0:
            problems.add("half_made", f"cert show: {answer.stderr[-400:]}")


class RefreshList(Renew):
    def command(self, world):
        return ("cert", "refresh-list")


class Apply(Queued):
    """Three word lists at once."""

    done_already = ("already", "in force", "was applied", "took effect")

    def prepare(self, world):
        super().prepare(world)
        folder = world.path("people", "words")
        folder.mkdir()
        for name in ("one", "two", "three"):
            folder.joinpath(f"{name}.txt").write_text(f"PORTCULLIS WORDS 1\nName: EXERCISE {name}\nMarking: UNCLASSIFIED\n\nHERONSONG-{name}\n")
        proposed = world.path("people", "proposed")
        (proposed / "words").mkdir(parents=True)
        for name in ("one", "two", "three"):
            (folder / f"{name}.txt").rename(proposed / "words" / f"{name}.txt")
        self.file = world.signed(US, "change", "propose", "--why", "EXERCISE",
                                 *(proposed / "words" / f"{n}.txt" for n in ("one", "two", "three"))).name
        self.serials = len(world.run(US, "change", "list").ok()["changes"])

    def command(self, world):
        return ("change", "apply", world.path("people", self.file))

    def again(self, world, problems, outcome, done_already=()):
        if len(world.run(US, "change", "list").ok()["changes"]) > self.serials:
            return None
        return super().again(world, problems, outcome, done_already)

    def holds(self, world, outcome, problems):
        answer = world.run(US, "policy", "status")
        names = [n for n in ("one", "two", "three") if world.path(US, "policy", "words", f"{n}.txt").exists()]
        if answer.status != 0 or len(names) not in (0, 3):
            problems.add("half_made", f"policy status ends with {answer.status}, with the lists {names}: {answer.stdout[-300:]}{answer.stderr[-300:]}")
        if len(names) == 0:
            problems.add("missing", "the change is on record and not in the folder")


class Sign(Command):
    def prepare(self, world):
        agreement = world.path("people", f"{US}-agreement.toml")
        other = world.path("people", "other.toml")
        other.write_text(agreement.read_text().replace("product_age_days_max = 3650", "product_age_days_max = 3000"))
        self.file = world.propose(US, "change", "propose", "--agreement", f"{THEM}={other}").name

    def command(self, world):
        keys = [part for who in DECIDERS for part in ("--key", world.key(f"{US}-{who}"))]
        return ("change", "sign", world.path("people", self.file), "--yes", *keys)

    def check(self, world, outcome, problems, full):
        if not outcome.acknowledged:
            self.again(world, problems, outcome, ("already",))
        answer = world.run(US, "change", "apply", world.path("people", self.file))
        if answer.status != 0:
            problems.add("missing" if outcome.acknowledged else "half_made", f"change apply: {answer.stderr[-500:]}{answer.stdout[-300:]}")
        if full:
            starts(world, US, problems)
            verified(world, US, problems)


class Propose(Command):
    def prepare(self, world):
        agreement = world.path("people", f"{US}-agreement.toml")
        other = world.path("people", "other.toml")
        other.write_text(agreement.read_text().replace("product_age_days_max = 3650", "product_age_days_max = 3000"))

    def command(self, world):
        return ("change", "propose", "--agreement", f"{THEM}={world.path('people', 'other.toml')}", "--out",
                world.path("people", "proposal.json"))

    def check(self, world, outcome, problems, full):
        file = world.path("people", "proposal.json")
        if not file.exists():
            if outcome.acknowledged:
                problems.add("missing", "the proposal is gone")
            self.again(world, problems, outcome)
        answer = world.run(US, "change", "show", file)
        if answer.status not in (0, 1):
            problems.add("half_made", f"change show: {answer.stderr[-500:]}")


class NewKey(Command):
    def at(self):
        return None

    def command(self, world):
        return ("officer", "new-key", world.path("people", "fresh.key"))

    def check(self, world, outcome, problems, full):
        key, public = world.path("people", "fresh.key"), world.path("people", "fresh.key.pub")
        if outcome.acknowledged and not (key.exists() and public.exists()):
            problems.add("missing", f"the key is gone: {key.exists()}, {public.exists()}")
        if not outcome.acknowledged and not (key.exists() and public.exists()):
            self.again(world, problems, outcome)
        if not key.exists() or not key.read_text().rstrip().endswith("-----") or not public.exists() or not public.read_text().endswith("\n"):
            problems.add("half_made", "the key is there in part")


class Found(Command):
    node = "fresh"

    def prepare(self, world):
        world.run(None, "init", world.path("fresh"), "--name", "exercise-fra", "--code", "FRA", "--organisation", "EXERCISE",
                  "--contact", "EXERCISE desk", "--profile", "classical").ok()
        file = world.path("people", "fresh.json")
        command = ["found", "propose", "--out", file]
        for who, role in DECIDERS.items():
            command += ["--officer", f"id={who},name=EXERCISE fresh {who},role={role},key-file={world.key(f'{US}-{who}')}.pub"]
        world.run("fresh", *command).ok()
        for who in DECIDERS:
            world.run(None, "found", "sign", file, "--yes", "--key", world.key(f"{US}-{who}")).ok()

    def command(self, world):
        return ("found", "apply", world.path("people", "fresh.json"))

    def check(self, world, outcome, problems, full):
        if not starts(world, "fresh", problems):
            return
        verified(world, "fresh", problems, full)
        if not outcome.acknowledged:
            self.again(world, problems, outcome, ("already", "is founded"))
        officers = world.run("fresh", "officer", "list").ok()
        if len(next(iter(officers.values()))) != len(DECIDERS):
            problems.add("missing" if outcome.acknowledged else "half_made", f"officers: {json.dumps(officers)[:300]}")


class Migrate(Queued):
    """The first command on a store of an older layout. The layout is undone as far as its migrations can be read backwards."""

    def command(self, world):
        return ("status",)

    def prepare(self, world):
        super().prepare(world)
        database = world.path(US, "store", "portcullis.db")
        connection = sqlite3.connect(database)
        layout = connection.execute("PRAGMA user_version").fetchone()[0]
        files = sorted((ROOT / "src/store/sqlite/migrations").glob("*.sql"), reverse=True)
        newest = [f for f in files if int(f.name[:4]) <= layout]
        if int(newest[0].name[:4]) != layout:
            raise Failed(f"the program's layout is {layout}, and the newest migration of this tree is {newest[0].name}")
        target = int(newest[1].name[:4])
        undo(connection, newest[0].read_text())
        connection.execute(f"PRAGMA user_version = {target}")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        self.layout = layout

    def holds(self, world, outcome, problems):
        connection = sqlite3.connect(world.path(US, "store", "portcullis.db"))
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.close()
        if found != self.layout:
            problems.add("half_made", f"the layout is {found} and not {self.layout}")


def undo(connection, text):
    statements = [s.strip() for s in re.sub(r"--[^\n]*", "", text).split(";") if s.strip()]
    for statement in reversed(statements):
        for pattern, undone in ((r"ALTER TABLE (\w+) ADD COLUMN (\w+)", "ALTER TABLE {0} DROP COLUMN {1}"),
                                (r"CREATE TABLE (\w+)", "DROP TABLE {0}"), (r"CREATE INDEX (\w+)", "DROP INDEX {0}"),
                                (r"CREATE VIEW (\w+)", "DROP VIEW {0}"), (r"CREATE TRIGGER (\w+)", "DROP TRIGGER {0}")):
            found = re.match(pattern, statement)
            if found:
                connection.execute(undone.format(*found.groups()))
                break
        else:
            raise Failed(f"the point `migrate` cannot undo this of the newest migration: {statement[:200]}")


POINTS = {"init": Init, "found": Found, "newkey": NewKey, "propose": Propose, "sign": Sign, "change": Apply, "submit": Submit,
          "approve": Approve, "deliver": Deliver, "receive": Receive, "take": Take, "recall": Recall, "renew": Renew,
          "refresh": RefreshList, "migrate": Migrate}


def prepared(world):
    for node in (US, THEM):
        file = world.config(node)
        file.write_text(quick_configuration(file.read_text()))
