"""Log levels that are raised for the time of an incident: how they are put back, and whether.

`set-log` takes a prefix and sets every logger that begins with it. So a process is put back from
the shortest names to the longest: what one setting spoils by the way a later one mends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from doctor_daemon.core.log_levels import LEVELS, LevelWish, LogLevels, LogScope
from doctor_daemon.core.volumes import End, Finding

WISHES_MAX = 50
NAMED_MAX = 5

Process = tuple[str, str]
"""Binary and host."""


def unraised(
    found: Sequence[LogLevels], raised: Iterable[Sequence[LogLevels]]
) -> tuple[LogLevels, ...]:
    """Return what levels were found at, as it was before others had raised them.

    `raised`: what each order keeps that is still to be put back. Of a logger that two have raised
    the later one would find, and in the end put back, what the earlier one had set.
    """
    kept: dict[Process, dict[str, str]] = {}
    for one in (one for before in raised for one in before):
        process = (one.binary, one.host)
        kept[process] = {**one.levels, **kept.get(process, {})}
    return tuple(
        replace(one, levels={name: was.get(name, level) for name, level in one.levels.items()})
        for one in found
        for was in (kept.get((one.binary, one.host), {}),)
    )


def put_back(
    scope: LogScope, before: Sequence[LogLevels], now: Sequence[LogLevels]
) -> tuple[LevelWish, ...]:
    """Return what puts the loggers that were raised back, of the processes that can be asked."""
    wishes: list[LevelWish] = []
    for (binary, host), (was, is_) in _pairs(before, now):
        wanted = {name: level for name, level in was.items() if level in LEVELS and name in is_}
        if any(is_[name] != level for name, level in wanted.items()):
            wishes += _of_one(LogScope(binary, host, scope.prefix), wanted)
    return tuple(wishes[:WISHES_MAX])


def _of_one(scope: LogScope, wanted: Mapping[str, str]) -> Iterator[LevelWish]:
    """Yield what sets the loggers of one process: all to the usual level, and then the others."""
    (usual, _), *_ = Counter(sorted(wanted.values())).most_common(1)
    yield LevelWish(scope, usual)
    state = dict.fromkeys(wanted, usual)
    for name in sorted(wanted):
        if state[name] != wanted[name]:
            yield LevelWish(LogScope(scope.binary, scope.host, name), wanted[name])
            state |= {other: wanted[name] for other in state if other.startswith(name)}


def _pairs(
    before: Sequence[LogLevels], now: Sequence[LogLevels]
) -> Iterator[tuple[Process, tuple[Mapping[str, str], Mapping[str, str]]]]:
    present = {(one.binary, one.host): one.levels for one in now}
    for one in before:
        process = (one.binary, one.host)
        if process in present:
            yield process, (one.levels, present[process])


def judged(before: Sequence[LogLevels], now: Sequence[LogLevels]) -> Finding:
    """Judge a putting back by the levels after it.

    A process that has restarted has forgotten, and shows it; one that does not answer may live on.
    """
    pairs = list(_pairs(before, now))
    others = [
        f"{name} of {host}"
        for (_, host), (was, is_) in pairs
        for name, level in sorted(was.items())
        if is_.get(name, level) != level
    ]
    answered = {process for process, _ in pairs}
    silent = [one.host for one in before if (one.binary, one.host) not in answered]
    if not others and not silent:
        loggers = sum(len(was) for _, (was, _) in pairs)
        return Finding(End.ACHIEVED, f"{loggers} loggers are at the levels that they had before")
    texts, advice = list[str](), "see `doctor-daemon cinder log-levels`"
    if others:
        texts.append(f"not at the levels that they had before: {_some(others)}")
    if silent:
        texts.append(f"not shown, and perhaps as they were raised: the loggers of {_some(silent)}")
        advice += "; what has restarted since, or is off, has forgotten"
    return Finding(End.NOT_ACHIEVED, "; ".join(texts), advice)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{', '.join(names[:NAMED_MAX])}{more}"
