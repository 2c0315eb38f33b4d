"""One session with a BMC by way of `ipmitool shell`: questions and orders, a line each.

A shell, and not a program for each command: so an order goes to the very BMC that has just said
which machine it stands before, by a session that is open, right after the permit was looked at. The
password is handed over in memory (-f); neither the command line nor the environment has it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.fencers.computer_system import cleaned
from doctor_daemon.ports.process_tree import HANDED, Call
from doctor_daemon.ports.program import SHARED, Running, running
from doctor_daemon.ports.secrets import conceal

PROMPT = b"ipmitool> "
PASSWORD_MAX = 20
"""Bytes of a password in IPMI 2.0 (13.28, RAKP)."""
RETRY_S = 1
"""After so long ipmitool repeats a packet that was not answered."""
LEAVE_S = 1.0
"""How long it may take to end a session."""

_REFUSED_LOGIN = re.compile(
    r"RAKP 2 HMAC is invalid|unauthorized name|unauthorized role|invalid name length"
    r"|invalid role|invalid integrity check value"
)
_NO_SUITE = re.compile(r"invalid authentication algorithm|[Nn]o (matching )?cipher suite")
_NOISE = re.compile(
    r"Loading IANA|Get HPM\.x Capabilities|Running Get |Invalid completion code received"
    r"|Discovered IPMB|Unable to establish IPMI"
)


class LoginRefused(Permanent):
    """The BMC does not take this user with this password."""


@dataclass(frozen=True, slots=True)
class Target:
    """The BMC, and as whom it is spoken to."""

    tool: str
    address: str
    port: int
    username: str
    privilege: str
    cipher: int
    timeout_s: float

    def call(self, password: str) -> Call:
        """Return how the shell is started."""
        return Call(
            (
                *(self.tool, "-v", "-I", "lanplus", "-C", str(self.cipher)),
                *("-H", self.address, "-p", str(self.port), "-U", self.username),
                *("-L", self.privilege.upper(), "-f", HANDED),
                *("-N", str(RETRY_S), "-R", str(max(1, round(self.timeout_s / RETRY_S)))),
                "shell",
            ),
            stdin=None,
            file=password.encode(),
            memory_bytes=SHARED.memory_bytes,
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and what it complained of."""

    out: str
    err: str

    @property
    def text(self) -> str:
        """Both, in one line."""
        return cleaned(f"{self.out} {told(self.err)}") or "nothing"


class Shell:
    """The open shell. A command ends when it asks for the next one."""

    def __init__(self, program: Running, timeout_s: float) -> None:
        """Talk to a program that has just been started."""
        self._program = program
        self._timeout_s = timeout_s

    async def open(self, deadline_s: float) -> None:
        """Wait until the session stands. Raise LoginRefused, Permanent or Temporary."""
        await self._prompted(0, deadline_s)

    async def ask(self, command: str, deadline_s: float) -> Said:
        """Have one command carried out. Raise Temporary when its answer does not come."""
        heard, complained = len(self._program.printed), len(self._program.complained)
        try:
            self._program.say(command.encode() + b"\n")
        except OSError:
            raise Temporary(self._gone()) from None
        await self._prompted(heard + len(PROMPT) - 1, deadline_s)
        said = self._program.printed[heard:].removesuffix(PROMPT).decode(errors="replace")
        lines = [line.strip() for line in said.splitlines()]
        if lines[:1] == [command]:  # the shell repeats what it was told
            del lines[0]
        return Said("\n".join(lines), self._program.complained[complained:])

    async def leave(self) -> None:
        """End the session by the book: a BMC keeps one that was dropped for a minute."""
        with suppress(OSError):
            self._program.say(b"exit\n")
        await self._program.end(asyncio.get_running_loop().time() + LEAVE_S)

    async def _prompted(self, more_than: int, deadline_s: float) -> None:
        """Wait for a prompt past so many bytes."""
        program = self._program
        while not (len(program.printed) > more_than and program.printed.endswith(PROMPT)):
            if program.over:
                raise self._judged()
            try:
                await program.until_news(deadline_s)
            except TimeoutError:
                msg = f"no answer within {self._timeout_s:g} s"
                raise Temporary(msg) from None

    def _judged(self) -> Permanent | Temporary:
        """Say why there is no session, or none any more."""
        complaint = self._program.complained
        if _REFUSED_LOGIN.search(complaint):
            return LoginRefused(f"the BMC refuses username and password_file: {told(complaint)}")
        if _NO_SUITE.search(complaint):
            return Permanent(f"the BMC does not take this `cipher`: {told(complaint)}")
        return Temporary(self._gone())

    def _gone(self) -> str:
        return f"no session: {told(self._program.complained) or 'no answer'}"


def told(complaint: str) -> str:
    """Return what ipmitool complained of, without what it says of every BMC."""
    lines = [
        line for line in conceal(complaint).splitlines() if line.strip() and not _NOISE.search(line)
    ]
    return cleaned("; ".join(dict.fromkeys(line.strip("> ") for line in lines[-4:])))


@asynccontextmanager
async def shell(target: Target, password: str, deadline_s: float) -> AsyncIterator[Shell]:
    """Open a session. Raise LoginRefused, Permanent or Temporary when there is none."""
    if len(password.encode()) > PASSWORD_MAX or "\n" in password:
        msg = f"password_file: expected one line of at most {PASSWORD_MAX} bytes (IPMI 2.0)"
        raise Permanent(msg)
    async with running(target.call(password)) as program:
        found = Shell(program, target.timeout_s)
        await found.open(deadline_s)
        yield found
        await found.leave()
