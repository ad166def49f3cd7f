"""Tries every small change that cargo-mutants lists for a room: `scripts/mutants every ROOM`.

cargo-mutants builds the whole gateway anew for each of them, which takes minutes. Here only its list is used. All of its
changes are put into one copy of the tree, each behind a condition, as run.py does with its tables; those that the compiler
refuses are taken out, and the copy is built once. Each test is run by itself without any change to see which places it
reaches. Then each change is tried against the tests that reach it, those first that noticed others in the same file.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import tree_sitter
import tree_sitter_rust

import run as table
from run import ROOT, Wrong

COPY = ROOT / "target/mutants/every"
# Tests that are judged by the clock: program and file.
WALL_CLOCK = {("edge", "fairness")}
# Where real nodes are.
NODES = ["exchange", "outbound", "inbound", "officers", "administration", "node", "tampering", "attachments", "cli::node"]
# What belongs to a room: its files, and where something of it can be noticed: programs of tests, or files of them.
ROOMS = {
    "release": (["src/release/**"], ["release", "policy", "administration::policy_change", "outbound::redecision"]),
    "policy": (["src/policy/**"], ["policy", "release", "administration::policy_change", "outbound::redecision"]),
    "approval": (["src/approval/**"], ["release", "policy", "officers::approvals", "officers::identity"]),
    "lattice": (
        [
            "src/marking/model/level.rs",
            "src/marking/order.rs",
            "src/marking/releasability/*.rs",
            "src/marking/rollup/*.rs",
            "src/marking/rules.rs",
        ],
        ["marking", "cut", "release"],
    ),
    "cut": (["src/cut/**"], ["cut", "product", "release", "cli::product_check", "inbound::lying_sender"]),
    "wire": (["src/wire/**"], ["wire", "edge", "simulation::protocol", "inbound::lying_sender", "outbound::gates", "outbound::scheduling", "outbound::stop"]),
    "pki": (
        ["src/pki/**"],
        ["pki", "edge", "cli", "crypto::wycheproof", "officers::identity", "administration::key_ownership", "administration::revocation_lists"],
    ),
    "sign": (
        ["src/sign/**"],
        ["release::approval_flips", "crypto::ledger", "pki", "crypto::wycheproof", "administration::key_ownership", "node::checkpoints"],
    ),
    "seal": (["src/seal/**"], ["crypto::seal", "tampering::sealed_payload", "outbound::scheduling", "attachments"]),
    "spool": (
        ["src/store/spool/**"],
        ["store", "store_faults", "exchange::crash", "node::orphans", "node::rollback", "outbound::scheduling", "tampering::altered"],
    ),
    "inbound": (
        [
            *(f"src/gateway/inbound/{name}.rs" for name in ("offer", "examination", "quarantine", "receipt", "payload_sink")),
            *(f"src/gateway/recall/{name}.rs" for name in ("order", "notice", "received")),
        ],
        NODES,
    ),
    "deliver": (
        [
            *(f"src/gateway/outbound/{name}.rs" for name in ("allowance", "attempt", "gates", "outcome", "sealing")),
            *(f"src/gateway/{name}.rs" for name in ("administration/manual", "node/exchange_locks", "node/in_flight", "server/scheduler")),
        ],
        NODES,
    ),
}
CONDITION = """//! Which change is in force, and which places a run comes by.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

struct Setting {
    chosen: Option<usize>,
    reached: Option<(File, Vec<AtomicBool>)>,
}

#[doc(hidden)]
pub fn on(number: usize) -> bool {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    let setting = SETTING.get_or_init(|| Setting {
        chosen: std::env::var("PORTCULLIS_MUTANT").ok().and_then(|number| number.parse().ok()),
        reached: std::env::var_os("PORTCULLIS_REACHED").map(|path| {
            let file = OpenOptions::new().append(true).create(true).open(path).unwrap();
            (file, (0..20_000).map(|_| AtomicBool::new(false)).collect())
        }),
    });
    if let Some((file, reached)) = &setting.reached {
        if !reached[number].swap(true, Ordering::Relaxed) {
            let mut file = file;
            file.write_all(format!("{number}\\n").as_bytes()).unwrap();
        }
    }
    setting.chosen == Some(number)
}
"""
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))


SOURCES = {}


def listed(files):
    """What cargo-mutants would change in those files. Their text is kept: the places are places in it and in no later one."""
    before = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in (ROOT / "src").rglob("*.rs")}
    command = ["cargo", "mutants", "--list", "--json", *[word for file in files for word in ("-f", file)]]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if said.returncode:
        raise Wrong("`cargo mutants --list` failed: `cargo install cargo-mutants` installs it")
    found = [{**mutant, "number": number} for number, mutant in enumerate(json.loads(said.stdout), 1)]
    SOURCES.update({file: before[file] for file in {mutant["file"] for mutant in found}})
    if any((ROOT / file).read_bytes() != text for file, text in SOURCES.items()):
        raise Wrong("the sources changed while they were looked through: begin again")
    return found


def place(text, lines, span):
    """The bytes of a span, whose lines and columns count from one and count characters."""

    def at(point):
        start = lines[point["line"] - 1]
        line = text[start : lines[point["line"]]].decode()
        return start + len(line[: point["column"] - 1].encode())

    return at(span["start"]), at(span["end"])


def covering(node, start, end):
    """The smallest node that covers those bytes."""
    while True:
        inside = next((child for child in node.children if child.start_byte <= start and end <= child.end_byte), None)
        if inside is None:
            return node
        node = inside


def piece(mutant, text, root, lines):
    """Which bytes are replaced, and how the change stands beside them; none where that cannot be said."""
    start, end = place(text, lines, mutant["span"])
    genre, new = mutant["genre"], mutant["replacement"]
    if genre == "FnValue":
        return start, end, lambda inner, on: f"if {on} {{ return {new}; }} {inner}"
    node = covering(root, start, end)

    def up(*types):
        above = node
        while above and above.type not in types:
            above = above.parent
        return above

    def either(first, last, fault):
        return first, last, lambda inner, on: f"(if {on} {{ {fault} }} else {{ {inner} }})"

    if genre in ("BinaryOperator", "UnaryOperator"):
        whole = up("binary_expression", "unary_expression", "compound_assignment_expr", "let_chain")
        if whole is None or whole.type == "let_chain":
            return None
        return either(whole.start_byte, whole.end_byte, text[whole.start_byte : start].decode() + new + text[end : whole.end_byte].decode())
    if genre == "MatchArmGuard":
        return either(start, end, new)
    if genre == "MatchArm":
        # An arm that is deleted is one whose guard is false.
        pattern = up("match_arm").child_by_field_name("pattern")
        guard = pattern.child_by_field_name("condition")
        if guard is None:
            return pattern.end_byte, pattern.end_byte, lambda inner, on: f" if !{on} {inner}"
        return guard.start_byte, guard.end_byte, lambda inner, on: f"!{on} && ({inner})"
    if genre == "StructField":
        whole = up("struct_expression")
        rest = text[end : whole.end_byte].decode().lstrip().removeprefix(",")
        return either(whole.start_byte, whole.end_byte, text[whole.start_byte : start].decode() + rest)
    return None


def planted(text, mutants):
    """The text of a file with all of its changes, and for each piece its bytes in it and whose it is."""
    root, lines = PARSER.parse(text).root_node, [0]
    for line in text.split(b"\n"):
        lines.append(lines[-1] + len(line) + 1)
    places = []
    for mutant in mutants:
        found = piece(mutant, text, root, lines)
        if found is None:
            mutant["state"] = "not tried"
        else:
            places.append((found[0], found[1], found[2], mutant))
    # What lies outside comes first; of one place, the later wraps the earlier.
    places.sort(key=lambda item: (item[0], -item[1], item[3]["number"]))

    def within(start, end, places):
        """Text with marks around each piece, from which its place is read afterwards."""
        out, at = [], start
        while places:
            first, last, write, mutant = places[0]
            if last > end or first < at:
                mutant["state"] = "not tried"
                places = places[1:]
                continue
            inside = [item for item in places[1:] if item[0] < last or (item[0], item[1]) == (first, last)]
            inside = [item for item in inside if item[1] <= last]
            rest = [item for item in places[1:] if item not in inside]
            inner = within(first, last, inside)
            number = mutant["number"]
            out += [text[at:first].decode(), f"\x01{number}\x02", write(inner, f"crate::mutant::on({number})"), "\x03"]
            at, places = last, rest
        return "".join([*out, text[at:end].decode()])

    marked, genres = within(0, len(text), places), {mutant["number"]: mutant["genre"] for mutant in mutants}
    out, open_, regions, size = [], [], [], 0
    for part in re.split("(\x01\\d+\x02|\x03)", marked):
        if part.startswith("\x01"):
            open_.append((int(part[1:-1]), size))
        elif part == "\x03":
            number, first = open_.pop()
            regions.append((first, size, number, genres[number]))
        else:
            out.append(part)
            size += len(part.encode())
    return "".join(out).encode(), regions


def copy(mutants):
    """Writes the copy with all changes that are still to be tried; gives each file's pieces."""
    by_file, regions, texts = collections.defaultdict(list), {}, {}
    for mutant in mutants:
        if mutant.get("state") is None:
            by_file[mutant["file"]].append(mutant)
    for file, those in by_file.items():
        texts[file], regions[file] = planted(SOURCES[file], those)
    table.copy_tree(COPY, texts, CONDITION)
    return regions


def blamed(message, regions):
    """Whose changes an error of the compiler is in: the innermost piece around what it points to."""
    if (message.get("code") or {}).get("code") == "E0004":
        arms = lacking(message, regions)
        if arms:
            return arms
    spans = sorted(message["spans"], key=lambda span: not span["is_primary"])
    for child in message.get("children", []):
        spans += child["spans"]
    for span in spans:
        while span:
            around = [r for r in regions.get(span["file_name"], []) if r[0] <= span["byte_start"] and span["byte_end"] <= r[1]]
            if around:
                return {min(around, key=lambda r: r[1] - r[0])[2]}
            span = (span.get("expansion") or {}).get("span")
    return lacking(message, regions)


def lacking(message, regions):
    """Of a match that lacks a case: whichever arms of it are taken away."""
    span = next(span for span in message["spans"] if span["is_primary"])
    node = covering(PARSER.parse((COPY / span["file_name"]).read_bytes()).root_node, span["byte_start"], span["byte_end"])
    while node.parent and node.type != "match_expression":
        node = node.parent
    return {r[2] for r in regions.get(span["file_name"], []) if r[3] == "MatchArm" and node.start_byte <= r[0] and r[1] <= node.end_byte}


def settle(mutants):
    """Takes out what the compiler refuses, until the library builds."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(table.BUILD), "CARGO_INCREMENTAL": "0"}
    numbered = {mutant["number"]: mutant for mutant in mutants}
    for _ in range(20):
        regions = copy(mutants)
        command = ["cargo", "check", "--locked", "--lib", "--message-format=json"]
        said = subprocess.run(command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if said.returncode == 0:
            return
        out = set()
        for line in map(json.loads, said.stdout.splitlines()):
            message = line.get("message")
            if line["reason"] == "compiler-message" and message["level"].startswith("error") and message["spans"]:
                numbers = blamed(message, regions)
                if not numbers:
                    raise Wrong(f"the compiler refuses what no change explains: {message['rendered']}")
                out |= numbers
        if not out:
            raise Wrong(f"the copy does not build: {said.stderr[-2000:]}")
        for number in out:
            numbered[number]["state"] = "does not build"
        print(f"the compiler refuses {len(out)}", flush=True)
    raise Wrong("the copy does not settle")


def tests_of(built, wanted):
    """Every test of those places, but for those that are judged by the clock."""
    found = []
    for name, executable in built.items():
        said = subprocess.run([executable, "--list"], cwd=COPY, capture_output=True, text=True, check=True).stdout
        ignored = subprocess.run([executable, "--list", "--ignored"], cwd=COPY, capture_output=True, text=True, check=True).stdout
        found += [(name, line[: -len(": test")]) for line in said.splitlines() if line.endswith(": test") and line not in ignored.splitlines()]
    whole = {*wanted} & {*built}
    chosen = [(name, test) for name, test in found if name in whole or f"{name}::{test.split('::')[0]}" in wanted]
    return [(name, test) for name, test in chosen if (name, test.split("::")[0]) not in WALL_CLOCK]


def attempt(executable, test, most, **variables):
    """Runs one test: whether it passed, and the seconds."""
    python = ROOT / "target/foreign-python/bin/python"
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(COPY), "PROPTEST_CASES": "256", "PORTCULLIS_PYTHON": str(python) if python.exists() else "", **variables}
    ended = table.ran(executable, ["--exact", test], COPY, environment, most)
    if ended is None:
        return "timed out", most
    said, status, took = ended
    ran = "running 1 test" in said and "1 ignored" not in said
    return ("passed" if status == 0 and ran else "failed" if status else "no such test"), took


def look(pool, built, wanted, longest):
    """Runs each test of those places without a change; gives the seconds of those that pass, and which tests reach each place."""
    kept, folder = COPY.parent / "reached.json", COPY.parent / "reached"
    which = {name: [executable, os.stat(executable).st_mtime_ns] for name, executable in built.items()}
    which = {**which, "places": sorted(wanted)}
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if known.get("which") != which:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()

        def one(numbered):
            number, test = numbered
            path = folder / str(number)
            result, took = attempt(built[test[0]], test[1], longest, PORTCULLIS_REACHED=str(path))
            return [*test, result, took, sorted({int(line) for line in path.read_text().split()}) if path.exists() else []]

        known = {"which": which, "tests": list(pool.map(one, enumerate(tests_of(built, wanted))))}
        kept.write_text(json.dumps(known))
    seconds, reached = {}, collections.defaultdict(list)
    for file, name, result, took, those in known["tests"]:
        if result != "passed":
            print(f"left out: {file}::{name}: {result}", flush=True)
            continue
        seconds[file, name] = took
        for number in those:
            reached[number].append((file, name))
    print(f"{len(seconds)} tests pass without a change, in {sum(seconds.values()):.0f} s", flush=True)
    return seconds, reached


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutants every", description="Tries every change that cargo-mutants lists for a room.")
    parser.add_argument("room", nargs="+", choices=sorted(ROOMS), help="which rooms")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, and go on from it where it is there")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once (2)")
    parser.add_argument("--longest", type=float, default=45, help="leave out tests that take longer than this, in seconds (45)")
    parser.add_argument("--budget", type=float, default=240, help="how long one change is tried at most, in seconds (240)")
    parser.add_argument("--again", action="store_true", help="try those again that survived when the file of results was written")
    parser.add_argument("--check", action="store_true", help="only say how many there are and which the compiler refuses")
    options = parser.parse_args()
    files = [file for room in options.room for file in ROOMS[room][0]]
    wanted = {place for room in options.room for place in ROOMS[room][1]} | {"library"}
    mutants = listed(files)
    earlier = {}
    if options.json and options.json.exists():
        earlier = {mutant["name"]: mutant for mutant in json.loads(options.json.read_text())}
    for mutant in mutants:
        if earlier.get(mutant["name"], {}).get("state") == "does not build":
            mutant["state"] = "does not build"
    settle(mutants)
    kinds = collections.Counter(mutant.get("state") or "to be tried" for mutant in mutants)
    print(f"{len(mutants)} changes: {dict(kinds)}", flush=True)
    if options.check:
        return 0
    built = table.build({place.split("::")[0] for place in wanted}, COPY)
    for mutant in mutants:
        was = earlier.get(mutant["name"], {})
        kept = ("noticed",) if options.again else ("noticed", "survives")
        if was.get("state") in kept and mutant.get("state") is None:
            mutant.update({word: was[word] for word in ("state", "by", "result", "tried", "reached") if word in was})

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        seconds, reached = look(pool, built, wanted, options.longest)
        noticed_by, lock = collections.defaultdict(collections.Counter), threading.Lock()
        for mutant in mutants:
            if mutant.get("state") == "noticed":
                noticed_by[mutant["file"]][tuple(mutant["by"].split("::", 1))] += 1

        def order(mutant):
            good = noticed_by[mutant["file"]]
            return sorted(reached[mutant["number"]], key=lambda test: seconds[test] / (1 + 3 * good[test]))

        def again(mutant, test):
            most = 20 + 8 * seconds[test]
            return attempt(built[test[0]], test[1], most, PORTCULLIS_MUTANT=str(mutant["number"]))[0]

        def judge(mutant):
            if mutant.get("state") == "noticed" and "result" not in mutant:
                # Noticed once, in an earlier run.
                test = tuple(mutant["by"].split("::", 1))
                result = again(mutant, test) if test in seconds else "passed"
                if result != "passed":
                    return mutant, {"result": result}
                del mutant["state"]
            if mutant.get("state"):
                return mutant, {}
            spent, tried = 0.0, 0
            with lock:
                candidates = order(mutant)
            for test in candidates:
                if spent + seconds[test] > options.budget:
                    continue
                result, took = attempt(built[test[0]], test[1], 20 + 8 * seconds[test], PORTCULLIS_MUTANT=str(mutant["number"]))
                spent, tried = spent + seconds[test], tried + 1
                # What fails once may have failed for another reason.
                if result != "passed" and again(mutant, test) != "passed":
                    with lock:
                        noticed_by[mutant["file"]][test] += 1
                    return mutant, {"state": "noticed", "by": "::".join(test), "result": result}
            return mutant, {"state": "survives", "tried": tried, "reached": len(candidates)}

        written = time.monotonic()
        for mutant, judged in pool.map(judge, mutants):
            mutant.update(judged)
            if mutant["state"] == "survives":
                print(f"survives  {mutant['name']} ({mutant['tried']} of {mutant['reached']} tests that reach it)", flush=True)
            if options.json and time.monotonic() - written > 10:
                options.json.write_text(json.dumps(mutants, indent=1) + "\n")
                written = time.monotonic()
    if options.json:
        options.json.write_text(json.dumps(mutants, indent=1) + "\n")
    kinds = collections.Counter((mutant["file"], mutant["state"]) for mutant in mutants)
    states = ("noticed", "survives", "does not build", "not tried")
    print(f"\n{'file':<34}" + "".join(f"{state:>16}" for state in states))
    for file in sorted({mutant["file"] for mutant in mutants}):
        print(f"{file:<34}" + "".join(f"{kinds[file, state]:>16}" for state in states))
    print(f"{'all':<34}" + "".join(f"{sum(count for (_, s), count in kinds.items() if s == state):>16}" for state in states))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as error:
        print(f"scripts/mutants every: {error}", file=sys.stderr)
        sys.exit(2)
