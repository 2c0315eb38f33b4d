"""Log levels of Cinder's services, and what the setting of one came to.

Source: Cinder API reference, "Services": get-log and set-log, microversion 3.32. Only services that
are up are asked, and a level is gone when its service restarts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import End, Finding

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class LogScope:
    """Which loggers are meant: of which processes, and by which prefix of their names.

    Empty: all of them. `host` is a service's host as it is listed.
    """

    binary: str = ""
    host: str = ""
    prefix: str = ""

    def __str__(self) -> str:
        of = f" of {self.host}" if self.host else ""
        prefix = f", loggers {self.prefix}*" if self.prefix else ""
        return f"{self.binary or 'every service'}{of}{prefix}"


@dataclass(frozen=True, slots=True)
class LevelWish:
    """An order to set a log level."""

    scope: LogScope
    level: str


@dataclass(frozen=True, slots=True)
class LogLevels:
    """The levels of one process: logger -> one of LEVELS, or another that its code has set."""

    binary: str
    host: str
    levels: Mapping[str, str]


def judged(
    scope: LogScope, level: str, answer: tuple[Outcome, str], found: Sequence[LogLevels]
) -> Finding:
    """Judge the setting of a level by the levels after it."""
    outcome, words = answer
    loggers = sum(len(one.levels) for one in found)
    others = [
        f"{one.binary} of {one.host}"
        for one in found
        if any(now != level for now in one.levels.values())
    ]
    if loggers and not others:
        return Finding(End.ACHIEVED, f"{loggers} loggers of {scope} are at {level}")
    if outcome in (Outcome.REFUSED, Outcome.UNSENT):
        return Finding(End.REFUSED, f"the log levels are as they were: {words}")
    end = End.UNKNOWN if outcome is Outcome.UNKNOWN else End.NOT_ACHIEVED
    if not loggers:
        text = f"no service that is up has a logger of {scope}; {words}"
        return Finding(end, text, "only services that are up are asked; is the prefix right?")
    text = f"not every logger of {', '.join(others)} is at {level}; {words}"
    return Finding(end, text, "ask again with `doctor-daemon cinder log-levels`")
