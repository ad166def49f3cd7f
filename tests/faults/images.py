"""Two nodes on real file systems whose power is cut: each on an image behind a loop device. See scripts/soak.d/images."""

import argparse
import collections
import ctypes
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import disk
from points import Problems, inbox, on_record, prepared, same, starts, content, verified
from world import THEM, US, Failed, Hung, World, copy, remove, tail

MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
IMAGE_BYTES = 400 << 20
CANNOT = 69


class Cannot(Exception):
    """The machine does not allow it."""


def call(*command):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Cannot(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def own_mounts():
    """Mounts that are gone when this process ends, however it ends."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x20000) != 0:
        raise Cannot(f"mounts of one's own (unshare): {os.strerror(ctypes.get_errno())}")
    call("mount", "--make-rprivate", "/")


def mount(image, where):
    where.mkdir(exist_ok=True)
    call("mount", "-o", "loop", image, where)


def unmount(where):
    for _ in range(50):
        if subprocess.run(["umount", where], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    call("umount", where)


class Disks:
    """The images of both nodes, on a file system of their own that copies files in one step (XFS with reflinks): a copy of an
    image that is written to is what the device held at one moment."""

    def __init__(self, folder):
        self.folder = folder
        self.below = folder / "below"
        image = folder / "below.img"
        with open(image, "wb") as out:
            out.truncate(8 << 30)
        call("mkfs.xfs", "-q", "-f", "-m", "reflink=1", image)
        mount(image, self.below)

    def make(self, kind, name, world, node, template):
        image = self.below / f"{name}.img"
        with open(image, "wb") as out:
            out.truncate(IMAGE_BYTES)
        call(*MAKE[kind], image)
        mount(image, world.path(node))
        call("cp", "-a", f"{template / node}/.", world.path(node))
        os.chmod(world.path(node), 0o700)
        # From here on only what a node syncs itself is held to be durable.
        call("sync", "-f", world.path(node))
        return image

    def snapshot(self, image, name):
        target = self.below / f"{name}.img"
        call("cp", "--reflink=always", image, target)
        return target


class Run:
    """Nodes that exchange on images of one kind, and what had been acknowledged at each moment of a power cut."""

    def __init__(self, options, folder, disks, kind, template, preload, label=None):
        self.options, self.folder, self.disks, self.kind, self.template = options, folder, disks, kind, template
        self.environment = {"LD_PRELOAD": str(preload)} if preload else {}
        self.label = label or f"{kind}{'-nosync' if preload else ''}"
        self.world = World(folder / f"world-{self.label}", options.program, self.environment)
        self.world.folder.mkdir()
        copy(template / "people", self.world.path("people"))

    def delivered(self):
        return self.world.log(US).count('"message":"delivered"')

    def exchange(self, cuts):
        """Submits, approves and delivers while the power is cut so many times; gives the moments."""
        world, moments = self.world, []
        images = {node: self.disks.make(self.kind, f"{self.label}-{node}", world, node, self.template) for node in (US, THEM)}
        world.serve(THEM), world.serve(US)
        draw = random.Random(f"{self.options.seed} {self.label}")
        submitted, approved, number = {}, [], 0
        of_exchange = {}

        def acknowledged():
            done = [line for line in world.log(US).splitlines() if '"message":"delivered"' in line]
            return [of_exchange[json.loads(line)["exchange.id"]] for line in done if json.loads(line)["exchange.id"] in of_exchange]

        def cut():
            # What was acknowledged before the copy begins has to be in it.
            moment = {"submitted": list(submitted), "approved": list(approved), "delivered": acknowledged(), "at": len(moments)}
            moment["images"] = {node: self.disks.snapshot(images[node], f"{self.label}-{node}-{len(moments)}") for node in (US, THEM)}
            moments.append(moment)
            print(f"{self.label}: power cut {len(moments)}, {len(submitted)} submitted, {len(moment['delivered'])} delivered", file=sys.stderr)

        while len(moments) < cuts:
            number += 1
            name = f"P{number}"
            file = world.folder_product(name, 200_000) if draw.random() < 0.4 else world.product(name)
            answer = world.submit(file).ok()
            submitted[name] = answer["request"]
            of_exchange[answer["exchanges"][0]["exchange"]] = name
            if draw.random() < 0.4:
                cut()
            for who in ("officer-1", "officer-2"):
                world.approve(answer["request"], who).ok()
            approved.append(name)
            if draw.random() < 0.5:
                cut()
            before = self.delivered()
            world.wait("something is delivered", lambda: self.delivered() > before, timeout=60)
            cut()
            time.sleep(draw.random() * 0.2)
        for node in (US, THEM):
            world.stop(node)
            unmount(world.path(node))
        return moments

    def check(self, moment, problems):
        """What holds after the power came back; first each node by itself, then the exchange."""
        world = World(self.world.folder, self.options.program)
        try:
            for node in (US, THEM):
                mount(moment["images"][node], world.path(node))
                # A trial with syncs that do nothing may leave a folder that cannot be read at all.
                if not world.config(node).exists():
                    problems.add("missing", f"{node}: the node is not there")
                    return
            for node in (US, THEM):
                if not starts(world, node, problems):
                    return
                verified(world, node, problems)
            requests = on_record(world, US, "request")
            if requests < len(moment["submitted"]):
                problems.add("missing", f"{len(moment['submitted'])} submissions were acknowledged, and {requests} requests are on record")
            self.holds(world, problems, moment["delivered"], "a receipt had come back for it")
            if problems:
                return
            world.serve(THEM), world.serve(US)
            wanted = {f"EXERCISE {name}" for name in moment["approved"]}
            world.wait("what is approved arrives", lambda: wanted <= {i["title"] for i in inbox(world)}, timeout=60, pause=0.2)
            for node in (US, THEM):
                world.stop(node)
            self.holds(world, problems, moment["approved"], "it was approved")
        except Failed as failure:
            problems.add("missing", f"{failure}")
        except Hung as hung:
            problems.add("hung", str(hung))
        finally:
            world.kill()
            for node in (US, THEM):
                subprocess.run(["umount", world.path(node)], capture_output=True)
            for node in (US, THEM):
                moment["images"][node].unlink()

    def holds(self, world, problems, names, why):
        rows = collections.Counter(i["title"] for i in inbox(world) if i["state"] in ("received", "taken"))
        items = {i["title"]: i for i in inbox(world)}
        for name in names:
            title = f"EXERCISE {name}"
            if rows[title] != 1:
                problems.add("doubled" if rows[title] else "missing", f"{title} is {rows[title]} times in the inbox: {why}")
            elif items[title]["state"] == "received":
                out = world.path("people", f"out-{time.monotonic_ns()}")
                answer = world.run(THEM, "inbox", "take", items[title]["exchange"], "--out", out)
                table = world.path("people", name, "attachments", "table.csv")
                if answer.status != 0 or not same(out, content(name, table.read_bytes() if table.exists() else None)):
                    problems.add("lost", f"{title} cannot be taken as it was sent: {answer.stderr[-300:]}")

    def full(self, node, problems):
        """The node's disk runs full while they exchange; once there is room again all goes on, also after a power cut."""
        world = self.world
        images = {n: self.disks.make(self.kind, f"{self.label}-full-{n}", world, n, self.template) for n in (US, THEM)}
        filler = world.path(node, "filler")
        free = os.statvfs(world.path(node))
        with open(filler, "wb") as out:
            chunk, left = bytes(1 << 20), free.f_bavail * free.f_frsize - (3 << 20)
            try:
                while left > 0:
                    out.write(chunk)
                    left -= len(chunk)
                out.flush()
                os.fsync(out.fileno())
            except OSError:
                pass
        names, said = [], []
        world.serve(THEM), world.serve(US)
        for number in range(12):
            name = f"F{self.kind}{node[-3:]}{number}"
            answer = world.submit(world.folder_product(name, 900_000))
            if answer.status != 0:
                said.append(tail(answer.stderr, 1))
                continue
            done = [world.approve(answer.value["request"], who) for who in ("officer-1", "officer-2")]
            said += [tail(a.stderr, 1) for a in done if a.status != 0]
            if all(a.status == 0 for a in done):
                names.append(name)
        until = time.monotonic() + 10
        while time.monotonic() < until and all(child.poll() is None for child in world.servers.values()):
            time.sleep(0.1)
        moment = {"images": {n: self.disks.snapshot(images[n], f"{self.label}-cut-{n}") for n in (US, THEM)}}
        world.kill()
        for n in (US, THEM):
            unmount(world.path(n))
        for label, pair in (("restart", images), ("power cut", moment["images"])):
            for n in (US, THEM):
                mount(pair[n], world.path(n))
            filler.unlink(missing_ok=True)
            found = Problems()
            try:
                if all(starts(world, n, found) for n in (US, THEM)):
                    world.serve(THEM), world.serve(US)
                    wanted = {f"EXERCISE {name}" for name in names}
                    world.wait("what is approved arrives", lambda: wanted <= {i["title"] for i in inbox(world)}, timeout=90, pause=0.3)
                    for n in (US, THEM):
                        world.stop(n)
                        verified(world, n, found)
                    self.holds(world, found, names, "it was approved")
            except Failed as failure:
                found.add("lost", f"{failure} {tail(world.log(US), 2)}")
            finally:
                world.kill()
                for n in (US, THEM):
                    unmount(world.path(n))
            for kind, text in found:
                problems.add(kind, f"{node} full, then a {label}: {text}")
        for image in (*images.values(), *moment["images"].values()):
            image.unlink()
        return {"approved": len(names), "said": sorted(set(said))}


def main():
    reader = argparse.ArgumentParser(prog="scripts/soak images", description=__doc__)
    reader.add_argument("--program", required=True, type=pathlib.Path, help=argparse.SUPPRESS)
    reader.add_argument("--json", type=pathlib.Path, help="write what was found there as well")
    reader.add_argument("--cuts", type=int, default=30, help="power cuts on each file system (30)")
    reader.add_argument("--only", action="append", choices=MAKE, help="only this file system; repeat for several")
    reader.add_argument("--seed", type=int, default=0, help="what is sent, and when the power is cut (0)")
    reader.add_argument("--profile", default="classical", help="profile of the nodes (classical)")
    options = reader.parse_args()
    folder = pathlib.Path("/dev/shm") / f"portcullis-images-{os.getpid()}"
    folder.mkdir(mode=0o700)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(run(options, folder))
    except Cannot as why:
        print(f"scripts/soak images: NOT DONE: this machine does not allow it: {why}", file=sys.stderr)
        sys.exit(CANNOT)
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", folder / "below"], capture_output=True)
        remove(folder)


def run(options, folder):
    own_mounts()
    disk.own_network()
    disks = Disks(folder)
    template = folder / "template"
    world = World(template, options.program)
    world.make(options.profile)
    prepared(world)
    nosync = folder / "nosync.so"
    call(os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", nosync, pathlib.Path(__file__).with_name("nosync.c"))
    begun, found, wrong = time.monotonic(), {}, 0
    for kind in options.only or MAKE:
        for preload in (None, nosync):
            one = Run(options, folder, disks, kind, template, preload)
            moments = one.exchange(options.cuts if not preload else max(8, options.cuts // 4))
            problems, sums = [], collections.Counter()
            for moment in moments:
                here = Problems()
                one.check(moment, here)
                sums.update({what for what, _ in here})
                problems += [{"cut": moment["at"], "class": what, "text": text} for what, text in here]
            entry = {"cuts": len(moments), "sums": dict(sums), "problems": problems[:20],
                     "acknowledged": {what: len(moments[-1][what]) for what in ("submitted", "approved", "delivered")}}
            found[one.label] = entry
            print(f"{one.label}: {len(moments)} power cuts, {len(moments[-1]['delivered'])} delivered: {dict(sums) or 'all there'}", file=sys.stderr)
            if preload and not sums:
                print(f"{one.label}: without syncs nothing was lost: this run sees no loss and proves nothing", file=sys.stderr)
                wrong += 1
            if not preload:
                wrong += sum(sums.values())
                for line in problems[:10]:
                    print(f"  cut {line['cut']}: {line['class']}: {line['text'][:500]}", file=sys.stderr)
        for node in (US, THEM):
            one = Run(options, folder, disks, kind, template, None, f"{kind}-full-{node}")
            here = Problems()
            entry = one.full(node, here)
            entry["problems"] = [{"class": what, "text": text} for what, text in here]
            found[f"{kind}-full-{node}"] = entry
            wrong += len(here)
            print(f"{kind}, {node} full: {entry['approved']} went on: {entry['problems'] or 'all there'}", file=sys.stderr)
    result = {"program": str(options.program), "seed": options.seed, "seconds": round(time.monotonic() - begun, 1), "runs": found}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({name: entry.get("sums", entry["problems"]) for name, entry in found.items()}))
    return 1 if wrong else 0


if __name__ == "__main__":
    main()
