"""Two nodes made by the command line for the soaks that break disks: a prepared world, copied for each trial.

A trial has a network of its own (`unshare --net`), so that every copy uses the same addresses.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
US, THEM = "exercise-usa", "exercise-gbr"
CODES = {US: "USA", THEM: "GBR"}
PORTS = {US: 10301, THEM: 10302}
PEOPLE = {"producer": "originator", "officer-1": "disclosure-officer", "officer-2": "disclosure-officer"}
DECIDERS = {"decider": "disclosure-officer", "senior": "senior-disclosure-officer"}


class Failed(Exception):
    """A command that had to work did not."""


class Answer:
    """What a command answered."""

    def __init__(self, arguments, status, stdout, stderr):
        self.arguments, self.status, self.stdout, self.stderr = arguments, status, stdout, stderr
        try:
            self.value = json.loads(stdout)
        except ValueError:
            self.value = {}

    def ok(self):
        if self.status != 0:
            raise Failed(f"{' '.join(map(str, self.arguments))}: status {self.status}: {self.stdout[-800:]}{self.stderr[-1500:]}")
        return self.value


class Hung(Exception):
    """A command did not end."""


class World:
    """A folder with both nodes and the keys of their people."""

    def __init__(self, folder, program, environment=None):
        self.folder, self.program = pathlib.Path(folder), str(program)
        self.environment = {**os.environ, **(environment or {})}
        self.environment.pop("PORTCULLIS_CONFIG", None)
        self.plain, self.takes = self.environment, True
        self.servers = {}

    def on(self, variables):
        """Runs what follows with these variables as well, as on a disk of its own."""
        self.environment = {**self.plain, **variables}
        self.takes = not variables

    def path(self, *parts):
        return self.folder.joinpath(*parts)

    def config(self, node):
        return self.path(node, "portcullis.toml")

    def key(self, who):
        return self.path("people", f"{who}.key")

    def run(self, node, *arguments, environment=None, timeout=90):
        command = [self.program, "--format", "json"]
        if node is not None:
            command += ["--config", str(self.config(node))]
        command += [str(a) for a in arguments]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env={**self.environment, **(environment or {})}, cwd=self.folder)
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise Hung(f"{' '.join(command)} did not end within {timeout} s")
        return Answer(arguments, child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    # Making a world

    def make(self, profile):
        self.path("people").mkdir(parents=True)
        for who in PEOPLE:
            self.run(None, "officer", "new-key", self.key(who), "--algorithm", "ed25519").ok()
        for node in (US, THEM):
            for who in DECIDERS:
                self.run(None, "officer", "new-key", self.key(f"{node}-{who}"), "--algorithm", "ed25519").ok()
            self.init(node, profile).ok()
            self.found(node)
        for node, other in ((US, THEM), (THEM, US)):
            described = self.path("people", f"{other}.json")
            described.write_text(self.run(other, "partner", "export").stdout)
            agreement = self.path("people", f"{node}-agreement.toml")
            agreement.write_text(agreement_text(CODES[node], CODES[other], profile))
            confirm = self.run(other, "partner", "fingerprint").ok()["description"]
            self.decide(node, "partner", "add", described, "--agreement", agreement, "--confirm", confirm)
        for who, role in PEOPLE.items():
            self.decide(US, "officer", "add", who, "--name", f"EXERCISE {who}", "--role", role,
                        "--key-file", f"{self.key(who)}.pub")
        self.decide(THEM, "officer", "add", "producer", "--name", "EXERCISE producer", "--role", "originator",
                    "--key-file", f"{self.key('producer')}.pub")
        return self

    def init(self, node, profile, folder=None, **options):
        return self.run(None, "init", folder or self.path(node), "--name", node, "--code", CODES[node], "--organisation",
                        "EXERCISE", "--contact", "EXERCISE desk", "--listen", f"127.0.0.1:{PORTS[node]}",
                        "--profile", profile, **options)

    def found(self, node):
        file = self.path("people", f"{node}-founding.json")
        command = ["found", "propose", "--out", file]
        for who, role in DECIDERS.items():
            key = self.key(f"{node}-{who}")
            command += ["--officer", f"id={node}-{who},name=EXERCISE {node} {who},role={role},key-file={key}.pub"]
        self.run(node, *command).ok()
        for who in DECIDERS:
            self.run(None, "found", "sign", file, "--yes", "--key", self.key(f"{node}-{who}")).ok()
        self.run(node, "found", "apply", file).ok()

    def propose(self, node, *command):
        file = self.path("people", f"change-{time.monotonic_ns()}.json")
        self.run(node, *command, "--out", file).ok()
        return file

    def signed(self, node, *command):
        file = self.propose(node, *command)
        keys = [part for who in DECIDERS for part in ("--key", self.key(f"{node}-{who}"))]
        self.run(node, "change", "sign", file, "--yes", *keys).ok()
        return file

    def decide(self, node, *command):
        self.run(node, "change", "apply", self.signed(node, *command)).ok()

    # Products

    def product(self, name, filler=0):
        """A product of one tearline in a file; with `filler` bytes more text, so that it is longer than a short payload."""
        lines = "".join(f"(S//REL TO USA, GBR) EXERCISE line {n} of {name}:{' nothing happened at all' * 40}.\n\n"
                        for n in range(filler // 1000))
        file = self.path("people", f"{name}.txt")
        file.write_text(
            f"PORTCULLIS PRODUCT 1\nId: EXERCISE-{name}\nTitle: (U) EXERCISE {name}\nOriginator: (U) EXERCISE Directorate\n"
            "Date: 2026-11-20\nKind: report\nSubjects: (U) exercise\nContact: (U) EXERCISE desk\n\nSECRET//REL TO USA, GBR\n\n"
            f"(S//REL TO USA, GBR) EXERCISE text of {name}.\n\n{lines}".rstrip("\n") + "\n")
        return file

    def folder_product(self, name, attachment_bytes):
        """A product with an attachment beside it."""
        folder = self.path("people", name)
        folder.joinpath("attachments").mkdir(parents=True)
        rows = "".join(f"{n},EXERCISE {name} row {n}\n" for n in range(attachment_bytes // 30))
        data = ("number,text\n" + rows).encode()
        folder.joinpath("attachments", "table.csv").write_bytes(data)
        line = f"(S//REL TO USA, GBR) ATTACHMENT table.csv text/csv {len(data)} {hashlib.sha256(data).hexdigest()}"
        folder.joinpath("product.txt").write_text(self.product(name).read_text().rstrip("\n") + f"\n\n{line}\n")
        return folder

    def submit(self, *files, node=US, to=THEM, environment=None):
        return self.run(node, "submit", *files, "--key", self.key("producer"), "--to", to, "--purpose", "EXERCISE",
                        "--expires", "80d", environment=environment)

    def approve(self, request, who, environment=None):
        return self.run(US, "approve", "--yes", "--key", self.key(who), request, environment=environment)

    def release(self, *files):
        answer = self.submit(*files).ok()
        requests = [answer["request"]] if "request" in answer else [r["request"] for r in answer["requests"]]
        for who in ("officer-1", "officer-2"):
            for request in requests:
                self.approve(request, who).ok()
        return requests

    # Servers

    def serve(self, node, environment=None):
        log = open(self.path(f"{node}.log"), "ab")
        command = [self.program, "--format", "json", "--config", str(self.config(node)), "serve"]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                                 env={**self.environment, **(environment or {})}, cwd=self.folder)
        log.close()
        self.servers[node] = child
        return child

    def log(self, node):
        try:
            return self.path(f"{node}.log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self, node, timeout=30):
        """SIGTERM; the exit status."""
        child = self.servers.pop(node, None)
        if child is None:
            return 0
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise Hung(f"{node}: serve did not end within {timeout} s of SIGTERM")

    def kill(self, *nodes):
        for node in nodes or list(self.servers):
            child = self.servers.pop(node, None)
            if child is not None:
                child.kill()
                child.wait()

    def wait(self, what, done, timeout=30, pause=0.02):
        """Waits until `done` gives something that is true; gives it. Ends early when a server has ended by itself."""
        until = time.monotonic() + timeout
        while True:
            ended = [n for n, child in self.servers.items() if child.poll() is not None]
            found = done()
            if found:
                return found
            if ended:
                raise Failed(f"{what}: serve of {ended[0]} ended with {self.servers[ended[0]].returncode}: {tail(self.log(ended[0]))}")
            if time.monotonic() > until:
                raise Failed(f"{what}: never, within {timeout} s")
            time.sleep(pause)


def tail(text, lines=4):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def agreement_text(ours, code, profile):
    """The sample agreement between two parties; short waits, since faults make deliveries be tried again."""
    sample = (ROOT / "policy/agreements/sample.toml").read_text().splitlines()
    changed = {"code": f'"{code}"', "ours": f'"{ours}"', "profile": f'"{profile}"', "wait_ms": "20", "wait_ms_max": "100",
               "offers_per_minute": "60000", "offers_burst": "60000", "daily_exchanges": "1000000"}
    return "\n".join(f"{line.split(' = ')[0]} = {changed[line.split(' = ')[0]]}" if line.split(" = ")[0] in changed else line
                     for line in sample) + "\n"


def quick_configuration(text):
    """The configuration of a node with short pauses, so that trials take no longer than they must."""
    return text.replace("# poll_ms = 100", "poll_ms = 10").replace("# reserve_bytes = 67108864", "reserve_bytes = 0")


def copy(source, target):
    subprocess.run(["cp", "-a", "--", str(source), str(target)], check=True)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
