"""The audit as the daemons have it: followed line by line, and held against the lab's record."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from doctor_daemon.cli import audit
from doctor_daemon.core.audit import Link, Part
from doctor_daemon.core.gates import Act
from doctor_daemon.lab.record import Entry, Kind
from tests.chaos.configuration import Json

ACTS: Mapping[Kind, Act] = {
    Kind.POWER_OFF: Act.CUT,
    Kind.FORCED_DOWN: Act.FORCE_DOWN,
    Kind.EVACUATE: Act.EVACUATE,
}
"""What happened to the world -> the effect that it must have been."""


def exported(socket: Path, file: Path, noted: Link | None) -> tuple[list[Json], Link]:
    """Have the daemon behind a socket export its audit, and follow it. Blocks.

    Return its records, and its last line, which is to be `noted` when it is asked for once more.
    Raise Unanswered, or ValueError where the chain is broken.
    """
    text = list(audit.exported(Namespace(socket=socket)))
    file.write_text("".join(f"{line}\n" for line in text))
    found = audit.asked(Namespace(verb="verify", file=file, last=noted))
    if not found["whole"]:
        msg = f"the audit is broken at line {found['number']}: {found['why']}"
        raise ValueError(msg)
    last = Link(found["last"]["number"], found["last"]["hash"])
    return [json.loads(line)["record"] for line in text[1:]], last


def contradictions(records: Sequence[Json], entries: Sequence[Entry]) -> Iterator[str]:
    """Name what an audit lacks of what was done, and where an older term wrote after a new one."""
    for earlier, later in pairwise(records):
        if later["term"] < earlier["term"]:
            yield f"{later['id']} of term {later['term']} was written after term {earlier['term']}"
    intents = Counter(_subject(one) for one in records if one["part"] == Part.INTENT)
    done = Counter(
        (ACTS[one.kind].value, one.host, one.server) for one in entries if one.kind in ACTS
    )
    for (act, host, server), times in done.items():
        if intents[act, host, server] < times:
            told = intents[act, host, server]
            yield f"{act} of {host} {server} was done {times} times, and the audit has {told}"


def _subject(record: Json) -> tuple[str, str, str]:
    """Return which effect, of which host and of which server."""
    what, target = record["what"], record["target"]
    server = target.removeprefix("server ").partition(",")[0] if what == Act.EVACUATE else ""
    return what, record["host"], server
