"""The image of a disk that `shim.c` keeps: made before a trial, and put in a folder's place by a power cut."""

import ctypes
import fcntl
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess

PAGE = 4096
HERE = pathlib.Path(__file__).resolve().parent


def build(folder):
    """Builds the library from its source; gives the file."""
    library = pathlib.Path(folder) / "shim.so"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-shared", "-fPIC", "-o", library, HERE / "shim.c", "-ldl", "-lpthread"],
                   check=True)
    return library


class Image:
    """What would be on the disk of the folder `root` after a power cut."""

    def __init__(self, root, side, library):
        self.root, self.side, self.library = pathlib.Path(root), pathlib.Path(side), library

    def prime(self):
        """From here on; all that there is counts as synced."""
        shutil.rmtree(self.side, ignore_errors=True)
        for name in ("ino", "dir", "odir", "lost", "pair"):
            (self.side / name).mkdir(parents=True)
        for folder, _, _ in os.walk(self.root):
            lines = []
            with os.scandir(folder) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    kind = "d" if entry.is_dir(follow_symlinks=False) else "l" if entry.is_symlink() else "f"
                    lines.append(f"{found.st_ino} {kind} {found.st_mode & 0o7777:o} {entry.name}\n")
                    if kind == "f":
                        shutil.copyfile(entry.path, self.side / "ino" / str(found.st_ino))
            text, inode = "".join(lines), str(os.stat(folder).st_ino)
            (self.side / "dir" / inode).write_text(text)
            (self.side / "odir" / inode).write_text(text)

    def environment(self, at=0, kind="", sticky=False, log=False, match=("", "")):
        """What a process is run with; with `at`, that call of it goes wrong, of those whose class and part `match` names."""
        variables = {"LD_PRELOAD": str(self.library), "FAULT_ROOT": str(self.root), "FAULT_SIDE": str(self.side)}
        if at:
            variables.update(FAULT_AT=str(at), FAULT_KIND=kind, FAULT_CLASS=match[0], FAULT_PATH=match[1])
        if sticky:
            variables["FAULT_STICKY"] = "1"
        if log:
            variables["FAULT_LOG"] = "1"
        return variables

    def calls(self):
        """Number, class and file of each call that was logged."""
        return [tuple(line.split(" ", 2)) for line in self._text("calls")]

    def struck(self):
        """Number, class and file of the call that went wrong, if it was reached."""
        lines = self._text("struck")
        return tuple(lines[0].split(" ", 2)) if lines else None

    def _text(self, name):
        try:
            return (self.side / name).read_text().splitlines()
        except FileNotFoundError:
            return []

    def cut(self, target, names="dir", partial=None):
        """Makes `target` what the disk holds. `names`: `dir` or `odir`, see shim.c. With a seed as `partial`, some of the pages
        that were not synced are on the disk as well, as the system may write any of them at any time."""
        with open(self.side / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            draw = random.Random(partial) if partial is not None else None
            inodes = {}
            if draw:
                for folder, _, files in os.walk(self.root):
                    for name in files:
                        path = os.path.join(folder, name)
                        inodes[os.lstat(path).st_ino] = path
            self._folder(str(os.stat(self.root).st_ino), pathlib.Path(target), names, draw, inodes)

    def _folder(self, inode, target, names, draw, inodes):
        target.mkdir(mode=0o700)
        for line in self._text(f"{names}/{inode}"):
            number, kind, mode, name = line.split(" ", 3)
            if kind == "d":
                self._folder(number, target / name, names, draw, inodes)
            elif kind == "f" and not name.endswith("-shm"):
                self._file(int(number), target / name, draw, inodes)
            else:
                continue
            os.chmod(target / name, int(mode, 8))

    def _file(self, inode, target, draw, inodes):
        source = self.side / "ino" / str(inode)
        durable = bytearray(source.read_bytes()) if source.exists() else bytearray()
        if draw and inode in inodes:
            now = pathlib.Path(inodes[inode]).read_bytes()
            lost = self.side / "lost" / str(inode)
            flags = lost.read_bytes() if lost.exists() else b""
            chance = draw.choice((0.2, 0.5, 0.9))
            for page in range((len(now) + PAGE - 1) // PAGE):
                begin, end = page * PAGE, min((page + 1) * PAGE, len(now))
                if page < len(flags) and flags[page] or now[begin:end] == durable[begin:end] or draw.random() > chance:
                    continue
                if len(durable) < end:
                    durable.extend(bytes(end - len(durable)))
                durable[begin:end] = now[begin:end]
        target.write_bytes(durable)


def own_network():
    """Gives this process a network of its own, so that trials beside each other use the same addresses."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    flags = 0x40000000 | (0 if user == 0 else 0x10000000)
    if libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "a network of one's own (unshare) cannot be had here")
    if user != 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        state = struct.unpack("16sh", fcntl.ioctl(any_socket, 0x8913, request))[1]
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", state | 1))
