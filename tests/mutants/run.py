"""Tries every fault of tests/mutants/*.toml against the tests that must notice it: `scripts/mutants table`.

A copy of the tree is made in target/mutants/tree, in which each fault stands beside the code that it replaces, behind a
condition on the environment variable PORTCULLIS_MUTANT. So all of them are in one build, and what ships has none.

An entry of a table:

    [[mutant]]
    what  = "an exchange of a suspended partner is sent"   # the fault, as a person would tell it
    file  = "src/gateway/outbound/delivery/attempt.rs"
    find  = "partner.is_active()"                          # the code; it is there exactly once
    fault = "true"                                         # what takes its place
    tests = ["administration::partners::a_suspended_partner"]  # program of tests or `library`, then a part of the test's name

Where `find` is no expression and no whole statements, `with` is what is written instead of it, and `MUTANT` in it is the
condition. `survives` is the reason why no test can notice the fault; then it must really survive.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "target/mutants/tree"
BUILD = ROOT / "target/mutants/build"
LEFT_OUT = ("tests/mutants/", "fuzz/")
CONDITION = """//! Which fault is in force: none, or the one whose number the environment gives.

use std::sync::OnceLock;

#[doc(hidden)]
pub fn on(number: usize) -> bool {
    static CHOSEN: OnceLock<Option<usize>> = OnceLock::new();
    *CHOSEN.get_or_init(|| std::env::var("PORTCULLIS_MUTANT").ok()?.parse().ok()) == Some(number)
}
"""


class Wrong(Exception):
    """The tables and the tree do not fit."""


def tables():
    """Every entry, numbered from 1, with the room that its file of the table is named after."""
    found = []
    for path in sorted((ROOT / "tests/mutants").glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["mutant"]:
            unknown = set(entry) - {"what", "file", "find", "fault", "with", "tests", "survives"}
            missing = {"what", "file", "find", "tests"} - set(entry)
            if unknown or missing or ("fault" in entry) == ("with" in entry) or not entry["tests"]:
                raise Wrong(f"{path.name}: {entry.get('what', entry)}: expected what, file, find, tests and one of fault, with")
            found.append({**entry, "room": path.stem})
    for of in (lambda entry: entry["what"], lambda entry: (entry["file"], entry["find"], entry.get("fault", entry.get("with")))):
        kinds = [of(entry) for entry in found]
        for kind in {kind for kind in kinds if kinds.count(kind) > 1}:
            raise Wrong(f"two entries are the same: {kind}")
    return [{**entry, "number": number} for number, entry in enumerate(found, 1)]


def switched(entry, code):
    """`code` with the fault beside it."""
    condition = f"crate::mutant::on({entry['number']})"
    if "with" in entry:
        return entry["with"].replace("MUTANT", condition)
    choice = f"if {condition} {{ {entry['fault']} }} else {{ {code} }}"
    return choice if code.rstrip().endswith((";", "}")) else f"({choice})"


def planted(text, entries):
    """The text of one file with all of its faults. One place may lie inside another, or be the same."""
    places = []
    for entry in entries:
        if text.count(entry["find"]) != 1:
            raise Wrong(f"{entry['file']}: {text.count(entry['find'])} places instead of one for: {entry['what']}")
        start = text.index(entry["find"])
        places.append((start, start + len(entry["find"]), entry))
    places.sort(key=lambda place: (place[0], -place[1]))

    def within(start, end, places):
        out, at = [], start
        while places:
            first, last, entry = places[0]
            if last > end:
                raise Wrong(f"{entry['file']}: overlaps another place: {entry['what']}")
            inside = [place for place in places[1:] if place[0] < last]
            if inside and "with" in entry:
                raise Wrong(f"{entry['file']}: `{inside[0][2]['what']}` is in what another entry replaces: {entry['what']}")
            out += [text[at:first], switched(entry, within(first, last, inside))]
            at, places = last, places[1 + len(inside) :]
        return "".join([*out, text[at:end]])

    return within(0, len(text), places)


def write(path, data):
    """Writes what is not there already, so that only what changed is built again."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def copy(entries):
    """Makes the copy of the tree, with all faults in it."""
    by_file = {}
    for entry in entries:
        by_file.setdefault(entry["file"], []).append(entry)
    missing = [file for file in by_file if not (ROOT / file).is_file()]
    if missing:
        raise Wrong(f"no such file: {', '.join(missing)}")
    copy_tree(COPY, {file: planted((ROOT / file).read_text(), those).encode() for file, those in by_file.items()}, CONDITION)


def copy_tree(to, changed, condition):
    """Makes a copy of the tree in which those files have another text, and `crate::mutant` is there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    names = [name for name in listed.stdout.splitlines() if not name.startswith(LEFT_OUT) and (ROOT / name).is_file()]
    for name in names:
        data = changed.get(name) or (ROOT / name).read_bytes()
        if name == "src/lib.rs":
            data = b"#![allow(warnings, arithmetic_overflow, overflowing_literals, unconditional_panic)]\n" + data + b"\n#[doc(hidden)]\npub mod mutant;\n"
        write(to / name, data)
        (to / name).chmod((ROOT / name).stat().st_mode)
    write(to / "src/mutant.rs", condition.encode())
    kept = {to / name for name in names} | {to / "src/mutant.rs"}
    for path in [path for path in to.rglob("*") if path.is_file() and path not in kept and "target" not in path.parts]:
        path.unlink()


def build(programs, tree=COPY):
    """Builds those programs of tests in a copy; gives where each is."""
    wanted = ["--lib" if name == "library" else f"--test={name}" for name in sorted(programs)]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILD), "CARGO_INCREMENTAL": "0"}
    command = ["cargo", "test", "--locked", "--no-run", "--message-format=json-render-diagnostics", *wanted]
    built = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise Wrong("the copy with the faults does not build")
    found = {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable") and message["profile"]["test"]:
            name = "library" if "lib" in message["target"]["kind"] else message["target"]["name"]
            found[name] = message["executable"]
    return found


def ran(executable, arguments, folder, environment, most):
    """Runs an executable of tests in a folder: what it said, its status and the seconds; nothing where it took too long."""
    began = time.monotonic()
    process = subprocess.Popen(
        [executable, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=most)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return None
    return said, process.returncode, time.monotonic() - began


def run(executable, pattern, number, most):
    """Runs the tests of that name: passed, failed, or how it could not be run; and the seconds it took."""
    python = ROOT / "target/foreign-python/bin/python"
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(COPY), "PROPTEST_CASES": os.environ.get("PROPTEST_CASES", "256")}
    environment.setdefault("PORTCULLIS_PYTHON", str(python) if python.exists() else "")
    environment.pop("PORTCULLIS_MUTANT", None)
    if number:
        environment["PORTCULLIS_MUTANT"] = str(number)
    ended = ran(executable, [pattern], COPY, environment, most)
    if ended is None:
        return "timed out", most
    said, status, took = ended
    count = re.search(r"^running (\d+) tests?$", said, re.M)
    if not count or count[1] == "0" or re.search(r"0 passed; 0 failed; [1-9]\d* ignored", said):
        return ("failed" if number and status else "no such test"), took
    return ("passed" if status == 0 else "failed"), took


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutants table", description="Tries every fault of tests/mutants/*.toml.")
    parser.add_argument("--only", default="", help="only entries with this in their room, file or description")
    parser.add_argument("--json", type=pathlib.Path, help="also write the results to this file")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once (2)")
    options = parser.parse_args()
    entries = tables()
    chosen = [e for e in entries if options.only in f"{e['room']} {e['file']} {e['what']}"]
    if not chosen:
        raise Wrong(f"no entry has `{options.only}` in it")
    tests = sorted({tuple(test.split("::", 1)) for entry in chosen for test in entry["tests"]})
    copy(entries)
    built = build({program for program, _ in tests})

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        first = dict(zip(tests, pool.map(lambda test: run(built[test[0]], test[1], None, 900), tests)))
        for test, (result, took) in first.items():
            if result != "passed":
                raise Wrong(f"without any fault: {'::'.join(test)}: {result}")
        print(f"{len(tests)} tests pass without a fault; {len(chosen)} faults", flush=True)

        def attempt(entry):
            for test in (tuple(test.split("::", 1)) for test in entry["tests"]):
                result, took = run(built[test[0]], test[1], entry["number"], 60 + 8 * first[test][1])
                if result != "passed":
                    return result, "::".join(test), took
            return "passed", "", 0.0

        results, wrong = [], 0
        for entry, (result, by, took) in zip(chosen, pool.map(attempt, chosen)):
            noticed, reason = result != "passed", entry.get("survives")
            bad = noticed == bool(reason)
            wrong += bad
            word = "noticed" if noticed else "SURVIVES" if bad else "survives"
            if bad and noticed:
                word = "NOTICED, and says that it survives"
            print(f"{word:<9} {entry['room']}: {entry['what']}" + (f" ({by})" if noticed else ""), flush=True)
            results.append({"what": entry["what"], "room": entry["room"], "result": result, "by": by, "seconds": round(took, 2), "survives": reason})
    rooms = {}
    for result in results:
        of = rooms.setdefault(result["room"], [0, 0, 0])
        of[0] += 1
        of[1] += result["result"] != "passed"
        of[2] += bool(result["survives"])
    print(f"\n{'room':<12}{'faults':>8}{'noticed':>9}{'survive, with a reason':>24}")
    for room, (all_, noticed, reasons) in sorted(rooms.items()):
        print(f"{room:<12}{all_:>8}{noticed:>9}{reasons:>24}")
    print(f"{'all':<12}{len(results):>8}{sum(r[1] for r in rooms.values()):>9}{sum(r[2] for r in rooms.values()):>24}")
    if options.json:
        options.json.write_text(json.dumps({"mutants": results}, indent=2) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as error:
        print(f"scripts/mutants table: {error}", file=sys.stderr)
        sys.exit(2)
