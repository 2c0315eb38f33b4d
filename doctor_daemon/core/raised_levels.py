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
Others = Iterable[Sequence[LogLevels]]
"""What each of some orders keeps that is still to be put back."""


def unraised(found: Sequence[LogLevels], raised: Others) -> tuple[LogLevels, ...]:
    """Return what levels were found at, as it was before others had raised them.

    Of a logger that two have raised
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
    scope: LogScope,
    before: Sequence[LogLevels],
    now: Sequence[LogLevels],
    others: Others = (),
) -> tuple[LevelWish, ...]:
    """Return what puts the loggers that were raised back, of the processes that can be asked.

    What other orders still raise comes out as it went in.
    """
    wishes: list[LevelWish] = []
    kept = dict(_pairs(before, now))
    for (binary, host), (was, is_) in _pairs(_own(before, others), now):
        wanted = {name: level for name, level in was.items() if level in LEVELS and name in is_}
        if any(is_[name] != level for name, level in wanted.items()):
            theirs = kept[binary, host][0].keys() - was.keys()
            wanted |= {name: is_[name] for name in theirs & is_.keys() if is_[name] in LEVELS}
            wishes += _of_one(LogScope(binary, host, scope.prefix), wanted)
    return tuple(wishes[:WISHES_MAX])


def _own(before: Sequence[LogLevels], others: Others) -> tuple[LogLevels, ...]:
    """Leave out what other orders still raise: it is put back when they are."""
    theirs: dict[Process, set[str]] = {}
    for one in (one for other in others for one in other):
        theirs.setdefault((one.binary, one.host), set()).update(one.levels)
    own = [
        replace(one, levels={name: level for name, level in one.levels.items() if name not in left})
        for one in before
        for left in (theirs.get((one.binary, one.host), set()),)
    ]
    return tuple(one for one in own if one.levels)


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


def judged(before: Sequence[LogLevels], now: Sequence[LogLevels], others: Others = ()) -> Finding:
    """Judge a putting back by the levels after it, but for what other orders still raise.

    A process that has restarted has forgotten, and shows it; one that does not answer may live on.
    """
    own = _own(before, others)
    pairs = list(_pairs(own, now))
    wrong = [
        f"{name} of {host}"
        for (_, host), (was, is_) in pairs
        for name, level in sorted(was.items())
        if is_.get(name, level) != level
    ]
    answered = {process for process, _ in pairs}
    silent = [one.host for one in own if (one.binary, one.host) not in answered]
    if not wrong and not silent:
        return Finding(End.ACHIEVED, _put_back(_count(own), _count(before)))
    texts, advice = list[str](), "see `doctor-daemon cinder log-levels`"
    if wrong:
        texts.append(f"not at the levels that they had before: {_some(wrong)}")
    if silent:
        texts.append(f"not shown, and perhaps as they were raised: the loggers of {_some(silent)}")
        advice += "; what has restarted since, or is off, has forgotten"
    return Finding(End.NOT_ACHIEVED, "; ".join(texts), advice)


def _put_back(own: int, all_: int) -> str:
    text = f"{own} loggers are at the levels that they had before"
    more = f"; {all_ - own} are left as they are, to another order that has raised them too"
    return text if own == all_ else text + more


def _count(levels: Iterable[LogLevels]) -> int:
    return sum(len(one.levels) for one in levels)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{', '.join(names[:NAMED_MAX])}{more}"
