"""The audit: lines about each effect and each order, in one chain of hashes.

Two lines with one id are the record of an effect: its intent, written before anything was sent, and
its result. An intent without a result says that it is not known whether it was done. An order of an
operator is one line. Each line's hash covers the hash of the one before, so whoever knows the last
one finds out whether any line before it was changed, moved or taken out.

The hash is the SHA-256, in hex, of the JSON text `["HASH BEFORE",NUMBER,RECORD]`: in ASCII, with no
blanks, and the names of an object sorted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from doctor_daemon.core.instant import Instant

_encoder = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":"))


TEXT_MAX = 1000
"""Characters of each text of a line."""


class Part(StrEnum):
    """What of a record a line is."""

    INTENT = "intent"
    RESULT = "result"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as it is before it is chained. Texts that do not apply are empty.

    They are as long as they were said; `said` cuts them.
    """

    id: str
    part: Part
    what: str
    """The effect, as `Act` has it, or the order."""
    at: Instant
    term: int
    host: str = ""
    incident: str = ""
    target: str = ""
    cause: str = ""
    """The last line of the timeline when it was decided; of an order its reason."""
    by: str = ""
    """Who gave the order."""
    evidence: tuple[str, ...] = ()
    """What stood of each source's word."""
    gates: tuple[str, ...] = ()
    """What each gate said when it was decided."""
    proof: str = ""
    outcome: str = ""
    """How the call ended, as `Outcome` has it."""
    text: str = ""

    @property
    def key(self) -> str:
        """Return what no two lines have in common."""
        return f"{self.id} {self.part}"

    def said(self, safe: Callable[[str], str]) -> Line:
        """Return it with every text that others may have worded made safe, and only then cut."""

        def one(text: str) -> str:
            return safe(text)[:TEXT_MAX]

        return replace(
            self,
            target=one(self.target),
            cause=one(self.cause),
            by=one(self.by),
            evidence=tuple(map(one, self.evidence)),
            gates=tuple(map(one, self.gates)),
            proof=one(self.proof),
            text=one(self.text),
        )

    def record(self) -> dict[str, object]:
        """Return it as JSON data, without what does not apply."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        lists = {"evidence": list(self.evidence), "gates": list(self.gates)}
        given = {name: value for name, value in (texts | lists).items() if value}
        at = {"boot": self.at.boot_id, "boot_s": self.at.boot_s, "wall_s": self.at.wall_s}
        return {"id": self.id, "part": self.part.value, "at": at, "term": self.term, **given}


_TEXTS = ("what", "host", "incident", "target", "cause", "by", "proof", "outcome", "text")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain stands: the number and the hash of a line."""

    number: int
    hash: str


ORIGIN = Link(0, "0" * 64)
"""Where the chain begins."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line in the chain. `body` is its record as JSON text."""

    number: int
    hash: str
    body: str

    @property
    def link(self) -> Link:
        """Return where the chain stands after it."""
        return Link(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines in order, and the ends of the chain as they are kept beside it."""

    anchor: Link
    """The last line that was dropped for its age; `ORIGIN`: none was."""
    last: Link
    rows: Sequence[Row]


def canonical(record: object) -> str:
    """Return JSON data in the one spelling that is hashed. Raise ValueError for what is none."""
    return _encoder.encode(record)


def seal(before: Link, body: str) -> Link:
    """Return where the chain stands after a record of this text."""
    number = before.number + 1
    text = f'["{before.hash}",{number},{body}]'
    return Link(number, hashlib.sha256(text.encode()).hexdigest())


def chained(before: Link, lines: Sequence[Line]) -> Iterator[Row]:
    """Yield lines as they follow one another in the chain."""
    for line in lines:
        body = canonical(line.record())
        before = seal(before, body)
        yield Row(before.number, before.hash, body)


class Broken(ValueError):
    """The chain is not whole; `number` is the first line of which that is sure."""

    def __init__(self, number: int, why: str) -> None:
        """Say where, and why."""
        super().__init__(f"line {number}: {why}")
        self.number = number


class Check:
    """Follows a chain line by line."""

    def __init__(self, anchor: Link) -> None:
        """Begin after this line."""
        self.at = anchor
        self.open: dict[str, int] = {}
        """Intents that have no result, and their numbers."""
        self._ended: set[str] = set()

    def take(self, row: Row) -> None:
        """Take the next line. Raise Broken if it is not the one that follows."""
        expected = self.at.number + 1
        if row.number != expected:
            raise Broken(expected, f"it is missing; the next one that is there is {row.number}")
        try:
            record = parsed(row.body)
        except ValueError:
            raise Broken(row.number, "it is no record") from None
        after = seal(self.at, row.body)
        if after.hash != row.hash:
            raise Broken(expected, "it was changed, or the one before it: its hash is another")
        self.at = after
        self._pair(row.number, str(record.get("id", "")), record.get("part"))

    def _pair(self, number: int, id_: str, part: object) -> None:
        """See that each effect has one intent and one result at most.

        An intent may have been dropped for its age.
        """
        if part == Part.INTENT:
            if id_ in self.open or id_ in self._ended:
                raise Broken(number, f"{id_} has two intents")
            self.open[id_] = number
        elif part == Part.RESULT:
            if id_ in self._ended:
                raise Broken(number, f"{id_} has two results")
            self.open.pop(id_, None)
            self._ended.add(id_)

    def end(self, last: Link) -> None:
        """Take the end as it is kept beside the lines. Raise Broken if it is another."""
        if self.at.number < last.number:
            raise Broken(self.at.number + 1, f"it is missing, and all up to {last.number}")
        if self.at != last:
            raise Broken(self.at.number, f"it is not the last one that was written, {last.number}")


def parsed(body: str) -> dict[str, object]:
    """Return the record of a row. Raise ValueError unless the text is just what it encodes to.

    Else what another program reads there would be another thing: a name that stands twice, say.
    """
    with suppress(RecursionError):
        record = json.loads(body)
        if isinstance(record, dict) and canonical(record) == body:
            return record
    msg = "it is no record"
    raise ValueError(msg)
