"""A real IPMI BMC: OpenIPMI's ipmi_sim (Debian's openipmi), on a port of its own.

Behind it is a program that the simulator asks how the power is and orders to change it: the truth
and the faults are files in a folder. The simulator knows the cipher suites up to 3 only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.standstill import stand_still

USER = "admin"
PASSWORD = "correct-horse"
SERIAL = "SN-0001"
START_S = 30.0
CIPHER = 3

_PING = bytes.fromhex("0600ff06000011be80000000")
"""RMCP's presence ping (IPMI 2.0, 13.2.3): whatever listens answers it."""
_CONTROL = """#!/bin/sh
# What ipmi_sim runs: CONTROL FOLDER get power | CONTROL FOLDER set power 0|1
folder=$1 order=$2 fault=$(cat "$1/fault") power=$(cat "$1/power")
shift 2
echo "$order $*" >> "$folder/calls"
change() { echo "$1" > "$folder/power.new"; mv "$folder/power.new" "$folder/power"; }
if [ "$order" = get ]; then
  [ "$fault" = mute ] && exit 1
  [ "$fault" = lies-off ] || [ "$fault" = liar ] && power=off
  [ "$fault" = flips ] && [ $(($(wc -l < "$folder/calls") % 2)) = 0 ] && power=off
  [ "$power" = on ] && echo power:1 || echo power:0
  exit 0
fi
case $fault in
  refuses) echo it refuses; exit 1;;
  stuck|liar|flips) exit 0;;
  slow) sleep 3;;
esac
case "$1 $2" in
  "power 0") change off;;
  "power 1") change on;;
  *) echo "unexpected: $*"; exit 1;;
esac
"""
_EMULATED = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
mc_add_fru_data 0x20 0 {size} data {fru}
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


class Bmc:
    """The simulator, its power and its faults.

    These are: none, mute, refuses, stuck, slow, lies-off; liar, which cuts nothing either; and
    flips, which cuts nothing and says so by turns.
    """

    def __init__(self, folder: Path, guid: bytes, *, control: bool = True) -> None:
        """Write its files. Without `control` it refuses every order."""
        self.folder = folder
        self._guid = guid
        self._control = control
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        (folder / "state").mkdir(parents=True, exist_ok=True)
        program = folder / "control"
        program.write_text(_CONTROL, encoding="ascii")
        program.chmod(0o700)
        self.power, self.fault = "on", "none"

    @property
    def power(self) -> str:
        return (self.folder / "power").read_text(encoding="ascii").strip()

    @power.setter
    def power(self, state: str) -> None:
        self._put("power", state)

    @property
    def fault(self) -> str:
        return (self.folder / "fault").read_text(encoding="ascii").strip()

    @fault.setter
    def fault(self, fault: str) -> None:
        self._put("fault", fault)

    def calls(self) -> list[str]:
        """What the simulator has asked its chassis for, or ordered of it."""
        file = self.folder / "calls"
        return file.read_text(encoding="ascii").splitlines() if file.exists() else []

    def start(self, password: str = PASSWORD) -> None:
        """Start it where no other process listens; try another port if one was faster."""
        until = time.monotonic() + START_S
        while True:
            self.port = self.port or _free_port()
            self._write(password)
            self._spawn()
            if self._answers():
                return
            self.stop()
            self.port = 0
            assert time.monotonic() < until, (self.folder / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self.thaw()
            with self._process:
                self._process.kill()
            self._process = None

    def freeze(self) -> None:
        """Stop it: its port takes packets, and nobody answers."""
        if self._process is not None and self._process.poll() is None:
            stand_still(self._process.pid)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def _spawn(self) -> None:
        files = ("-c", "lan.conf", "-f", "sim.emu", "-s", "state")
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["/usr/bin/ipmi_sim", "-n", "-p", *files],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        assert self._process is not None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.05)
            while self._process.poll() is None:
                with contextlib.suppress(OSError):
                    sock.sendto(_PING, ("127.0.0.1", self.port))
                    if sock.recv(512):
                        return True
        return False

    def _write(self, password: str) -> None:
        levels = ("callback", "user", "operator", "admin")
        auths = "".join(f"  allowed_auths_{level} md5\n" for level in levels)
        control = f'chassis_control "{self.folder}/control {self.folder}"\n'
        lan = (
            f'name "compute-1"\nstartlan 1\n  addr 127.0.0.1 {self.port}\n  priv_limit admin\n'
            f"{auths}  guid {self._guid.hex()}\nendlan\n"
            f'user 2 true "{USER}" "{password}" admin 10 md5\n'
        )
        data = fru()
        emulated = _EMULATED.format(size=len(data), fru=" ".join(f"0x{byte:02x}" for byte in data))
        self._put("lan.conf", lan + control * self._control)
        self._put("sim.emu", emulated)

    def _put(self, name: str, text: str) -> None:
        """Replace a file in one step: another process reads it at any moment."""
        new = self.folder / f"{name}.put"
        new.write_text(text if text.endswith("\n") else text + "\n", encoding="ascii")
        new.replace(self.folder / name)


def fru() -> bytes:
    """Return a FRU's inventory with a product area (IPMI FRU Information Storage, 8 and 12)."""
    fields = ("Maker", "PowerThing 9000", "PN-1", "1.0", SERIAL, "")
    texts = b"".join(bytes([0xC0 | len(text)]) + text.encode() for text in fields)
    body = texts + b"\xc0\xc1"
    length = -(-(3 + len(body) + 1) // 8)
    product = (bytes([1, length, 0]) + body).ljust(8 * length - 1, b"\0")
    header = bytes([1, 0, 0, 0, 1, 0, 0])
    return _summed(header) + _summed(product)


def _summed(area: bytes) -> bytes:
    """Add the byte by which the area's sum becomes zero."""
    return area + bytes([-sum(area) % 256])


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def simulator(folder: Path, guid: bytes) -> Iterator[Bmc]:
    """Run a BMC."""
    bmc = Bmc(folder, guid)
    bmc.start()
    try:
        yield bmc
    finally:
        bmc.stop()
