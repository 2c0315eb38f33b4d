"""A fence agent as a program: found, asked what it is, and given its orders on standard input.

`action` is always given, whole and before the agent starts: an agent that is told none reboots.
Source: FenceAgentAPI.md of ClusterLabs/fence-agents.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from doctor_daemon.core.instant import Instant
from doctor_daemon.core.proof import Power
from doctor_daemon.errors import ConfigError, DoctorError, Permanent, Temporary
from doctor_daemon.fencers.agent_metadata import Metadata, parse_metadata
from doctor_daemon.fencers.computer_system import cleaned
from doctor_daemon.ports.process_tree import PATH, Call
from doctor_daemon.ports.program import SHARED, Ended, run
from doctor_daemon.ports.secrets import conceal

LINES_MAX = 4
METADATA_S = 15.0
"""How long an agent may take to say what it is."""

_POWER = {0: Power.ON, 2: Power.OFF}
_SAID = re.compile(r"^Status: (ON|OFF)\s*$", re.MULTILINE)
_LOGIN = re.compile(
    r"(?<!connect/)login\b|log in|passw|authenti|unauthori[sz]ed|\b40[13]\b|denied", re.IGNORECASE
)
_SILENT = re.compile(
    r"Connection (timed out|lost|refused)|Unable to connect"
    r"|Name or service not known|name resolution|resolve host|No address associated",
    re.IGNORECASE,
)
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:,.]+ ")
_NOISE = re.compile(r"Warning: |^  |^sudo: unable to resolve host ")
"""What Python says of an agent's age; there is more on standard error than errors."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a call of an agent ended, and between which two moments it ran."""

    ended: Ended
    began_at: Instant
    ended_at: Instant

    @property
    def failed(self) -> bool:
        """Whether it is not one of the two statuses that mean something."""
        return bool(self.ended.why) or self.ended.code not in _POWER

    @property
    def power(self) -> Power:
        """The power, by the exit status; unknown if its words contradict that."""
        if self.ended.why:
            return Power.UNKNOWN
        power = _POWER.get(self.ended.code, Power.UNKNOWN)
        said = {Power(word.lower()) for word in _SAID.findall(self.ended.out)}
        return power if said <= {power} else Power.UNKNOWN

    @property
    def login_refused(self) -> bool:
        """Whether it says so. An agent need not: one exit status stands for every failure."""
        return self.failed and bool(_LOGIN.search(self.text))

    @property
    def unanswered(self) -> bool:
        """Whether the device has said nothing, by our deadline or by the agent's own words."""
        silent = self.failed and _SILENT.search(self.text)
        return bool(self.ended.why or silent)

    @property
    def text(self) -> str:
        """What it said, in one line."""
        printed = conceal(f"{self.ended.err}\n{self.ended.out}\n{self.ended.why}")
        lines = printed.splitlines()
        said = [_STAMP.sub("", line) for line in lines if line.strip() and not _NOISE.search(line)]
        return cleaned("; ".join(said[-LINES_MAX:])) or f"exit status {self.ended.code}"

    def plugs(self) -> dict[str, str]:
        """Return what `list` tells: plug -> the device's name of it; none that stands twice."""
        pairs = [line.strip().partition(",")[::2] for line in self.ended.out.splitlines()]
        times = Counter(plug for plug, _ in pairs)
        return {plug: alias for plug, alias in pairs if times[plug] == 1}


def worked(ran: Ran) -> Ran:
    """Return a call that has not failed. Raise Temporary for one that has."""
    if ran.failed:
        raise Temporary(ran.text)
    return ran


def find_agent(agent: str) -> Path:
    """Return the program. Raise ConfigError when there is none, or others could change it."""
    places = [Path(agent)] if agent.startswith("/") else [Path(d, agent) for d in PATH.split(":")]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        msg = f"agent: there is no {agent} in {PATH}; is its package (fence-agents) installed?"
        raise ConfigError(msg)
    mode = found.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH) or not os.access(found, os.X_OK):
        msg = f"agent: {found} has the mode {stat.S_IMODE(mode):04o}; expected 0755"
        raise ConfigError(msg)
    return found


def described(agent: Path) -> Metadata:
    """Return what an agent says of itself. It is asked once, and again when it was changed.

    Raise ConfigError when it says nothing that can be used.
    """
    found = agent.stat()
    told = _described(agent, (found.st_mtime_ns, found.st_size))
    if isinstance(told, str):
        raise ConfigError(told)
    return told


@lru_cache(maxsize=64)
def _described(agent: Path, _stamp: tuple[int, int]) -> Metadata | str:
    """Ask it, on a loop of its own: parts are made with and without a loop that runs."""
    with ThreadPoolExecutor(1) as pool:
        try:
            return pool.submit(asyncio.run, _ask(agent)).result()
        except DoctorError as error:
            return f"agent: {agent}: {error}"


async def _ask(agent: Path) -> Metadata:
    deadline_s = asyncio.get_running_loop().time() + METADATA_S
    ended = await run(call_of(agent, "metadata", {}), deadline_s)
    if ended.why or ended.code != 0:
        text = ended.why or cleaned(ended.err) or f"exit status {ended.code}"
        msg = f"it does not say what it is: {text}"
        raise Permanent(msg)
    return parse_metadata(ended.out)


def call_of(agent: Path, action: str, parameters: Mapping[str, str]) -> Call:
    """Return the call of an agent. Raise Permanent for a value that would be more than one line."""
    lines = [f"{name}={_written(name, value)}" for name, value in parameters.items()]
    content = "\n".join((*lines, f"action={action}", ""))
    return Call((str(agent),), stdin=content.encode(), memory_bytes=SHARED.memory_bytes)


def _written(name: str, value: str) -> str:
    """Write a value as an agent reads it: it strips what is around it, quotes once."""
    if not value.isprintable():
        msg = f"{name}: expected one printable line"
        raise Permanent(msg)
    quoted = value.startswith('"') and value.endswith('"')
    return f'"{value}"' if quoted or value != value.strip() else value
