"""The audit in words, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from doctor_daemon.cli.show import LABEL
from doctor_daemon.cli.times import when

Json = dict[str, Any]
NAMED_MAX = 20
"""Effects without a result that are named."""
SECONDS_MAX = 1e300
"""No whole number from here on can be printed with a fraction."""
SPOILT = "it cannot be read: see `doctor-daemon audit verify`"


def words(found: Json) -> Iterator[str]:
    """Say what was asked for."""
    if "whole" in found:
        yield from _verdict(found)
    elif "lines" in found:
        yield from map(_brief, found["lines"]) if found["lines"] else ["no lines"]
    else:
        yield from _whole(found)


def _verdict(found: Json) -> Iterator[str]:
    if not found["whole"]:
        yield f"BROKEN at {found['why']}"
        return
    last, unknown = found["last"], found["unknown"]
    if last["number"] < found["first"]:
        yield f"whole, and no line is kept; the last one was {last['number']}:{last['hash']}"
    else:
        yield f"whole: lines {found['first']} to {last['number']}"
        yield f"  {'last':{LABEL}}  {last['number']}:{last['hash']}"
    for one in unknown[:NAMED_MAX]:
        yield f"  {'not known':{LABEL}}  line {one['number']}, {one['id']}: it has no result (yet)"
    if len(unknown) > NAMED_MAX:
        yield f"  {'':{LABEL}}  and {len(unknown) - NAMED_MAX} more"


def _brief(line: Json) -> str:
    record = _record(line)
    if not record:
        return f"{line['number']:>7}  {SPOILT}"
    who = record.get("host") or "-"
    what = f"{record.get('what', '')} {record.get('target', '')}".strip()
    end = record.get("outcome") or record.get("by") or ""
    said = record.get("text") or record.get("cause") or ""
    at = when(record["at"]["wall_s"])
    return f"{line['number']:>7}  {at}  {record['part']:6}  {who}  {what}  {end}  {said}".rstrip()


def _record(line: Json) -> Json:
    """Return a line's record; empty: somebody has spoilt it."""
    match line["record"]:
        case {
            "at": {"wall_s": float() | int() as wall_s, "boot_s": float() | int() as boot_s},
            "part": str(),
        } as found if abs(wall_s) < SECONDS_MAX and abs(boot_s) < SECONDS_MAX:
            return dict(found)
        case _:
            return {}


def _whole(line: Json) -> Iterator[str]:
    yield f"line {line['number']}, {line['hash']}"
    record = _record(line)
    if not record:
        yield f"  {SPOILT}"
    for name, value in record.items():
        if name == "at":
            yield f"  {name:{LABEL}}  {when(value['wall_s'])}, {value['boot_s']:.3f} s of its boot"
        elif isinstance(value, list):
            for place, text in enumerate(value):
                yield f"  {'' if place else name:{LABEL}}  {text}"
        else:
            yield f"  {name:{LABEL}}  {value}"
