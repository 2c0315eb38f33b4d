"""A real systemd as PID 1 of namespaces of its own, over an overlay of this machine's root.

What is written in it is gone with it. It shares this machine's network, so that the lab's loopback
is the daemon's. Needs root, and a kernel that has overlayfs and lets root make namespaces: a
virtual machine, or a container that is privileged. /proc/sys is read-only in it, or systemd would
change the machine's own kernel settings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BOOT_S = 60.0
RUN_S = 300.0
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian's own programs: the python3 of the operator, not the one of the tests."""
KEPT = ("HOME", "LANG", "http_proxy", "https_proxy", "no_proxy")
MASKED = (
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-modules-load.service",
    "systemd-remount-fs.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
)
TARGET = """[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
"""
INIT = r"""set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir upper scratch root
root=$PWD/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/scratch" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,ro,bind "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for name in null zero full random urandom tty; do
  touch "$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
units=$root/etc/systemd/system
rm -rf "$units"/*.wants
printf '%s' "$2" >"$units/box.target"
mount --make-rshared "$root" # or what systemd mounts for a service (its secrets) stays unseen
shift 2
for unit in "$@"; do ln -sf /dev/null "$units/$unit"; done
exec env -i PATH="$PATH" LANG=C.UTF-8 container=box chroot "$root" \
  /lib/systemd/systemd --system --unit=box.target --log-target=journal --show-status=0
"""


class BoxError(Exception):
    """The box does not do what a test cannot do without."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box that runs, by the pid of its PID 1 as this machine sees it."""

    pid: int

    def path(self, inside: str) -> Path:
        """Return where a file of the box is, seen from here."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def run(
        self, *words: str, cwd: str = "/", user: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the box, as root or somebody else; wait for its end."""
        spaces = ("-m", "-p", "-u", "-i", "-C", f"--root=/proc/{self.pid}/root")
        enter = ("nsenter", "-t", str(self.pid), *spaces, f"--wd=/proc/{self.pid}/root{cwd}", "--")
        as_user = ("runuser", "-u", user, "--") if user else ()
        done = subprocess.run(
            [*enter, *as_user, *words],
            env=environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_S,
        )
        if check and done.returncode:
            told = f"{' '.join(words)}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
            journal = self.run("journalctl", "--lines", "30", "--no-pager", check=False).stdout
            raise BoxError(f"{told}\n{journal}")
        return done

    def ask(self, *words: str, cwd: str = "/") -> str:
        """Run a command as root; what it prints."""
        return self.run(*words, cwd=cwd).stdout.strip()


def environ() -> Mapping[str, str]:
    """Return the environment of a command: this machine's way to packages, and no more."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return {**kept, **pip, "PATH": PATH}


@contextmanager
def booted(folder: Path) -> Iterator[Box]:
    """Boot a box, and end it with all that runs in it."""
    if os.geteuid() != 0:
        msg = "a systemd of its own needs root: sudo make test-systemd"
        raise BoxError(msg)
    unshare = shutil.which("unshare")
    if unshare is None or not Path("/lib/systemd/systemd").exists():
        msg = "unshare or systemd is missing: make test-systemd installs them"
        raise BoxError(msg)
    log = folder / "box.log"
    mounted = folder / "box"
    mounted.mkdir()
    spaces = ("--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--kill-child")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [unshare, *spaces, "/bin/bash", "-c", INIT, "box", str(mounted), TARGET, *MASKED],
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield _wait(process, log)
    finally:
        process.kill()  # its child, the PID 1, dies with it, and takes the namespace along
        process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> Box:
    """Wait until systemd has booted."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until_s = time.monotonic() + BOOT_S
    while time.monotonic() < until_s and process.poll() is None:
        for pid in children.read_text().split():
            box = Box(int(pid))
            if not box.run(
                "systemctl", "--quiet", "is-active", "box.target", check=False
            ).returncode:
                return box
        time.sleep(0.1)
    msg = f"systemd does not boot on Python {sys.version}: {log.read_text()[-4000:]}"
    raise BoxError(msg)
