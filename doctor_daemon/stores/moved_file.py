"""The file in which a state is moved: one JSON object a line, and a checksum at the end.

The first line has the version of all this, the last one how many lines came before it and their
SHA-256. So a file that was cut short or changed is refused whole. What two stores of the same state
give is the same to the byte, but for the moment in the first line: rows stand in one order, and
what a database spells out because it is no Unicode is spelt out here too.

A value is read as strictly as one of a database: a field that this version does not know is
refused, as it may say that something must not be done.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from doctor_daemon.core.audit import Row
from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, EvidenceRow, NoticeRow
from doctor_daemon.ports.moving import Inventory, LastNumber, Record, Told
from doctor_daemon.stores.codec import Codec, sound
from doctor_daemon.stores.etcd_values import CHANGE
from doctor_daemon.stores.faults import refusal
from doctor_daemon.stores.shape import shape
from doctor_daemon.stores.tally import Tally

SCHEMA = 1
LINE_MAX = 256 * 1024 * 1024
"""Bytes of one line: an incident with all that belongs to it, or one notice."""
INVENTORY: Codec[Inventory] = Codec("first line", shape(Inventory))
_CODECS: Mapping[str, tuple[type[Any], Codec[Any]]] = {
    "incident": (Incident, Codec("incident", shape(Incident))),
    "notice": (Told, Codec("notice", shape(Told))),
    "number": (LastNumber, Codec("last number", shape(LastNumber))),
    "row": (Change, CHANGE),
    "line": (Row, Codec("line of the audit", shape(Row))),
}
_KINDS = {type_: kind for kind, (type_, _) in _CODECS.items()}
_FIRST = re.compile(r'\{"kind":"store","schema":([0-9]{1,9}),(.*)\n', re.DOTALL)
_LINE = re.compile(r'\{"kind":"([a-z]{1,16})",(.*)\n', re.DOTALL)
_END = re.compile(r'\{"kind":"end","lines":([0-9]{1,15}),"sha256":"([0-9a-f]{64})"\}\n')
_LAST = "end"
_NO_EXPORT = "it is no export of a store"


# writing


@contextmanager
def written(
    path: Path, inventory: Inventory, line_max: int = LINE_MAX
) -> Iterator[Callable[[Record], None]]:
    """Yield what writes a record. The file has its name once all of it is durable, and not before.

    Raise Permanent where there is a file of that name, or none can be made, or a line would have
    more than `line_max` bytes; Temporary for a full disk.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _check_free(path)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                drawn = _Written(file, line_max)
                drawn.add(f'{{"kind":"store","schema":{SCHEMA},{INVENTORY.dumps(inventory)[1:]}\n')
                yield lambda record: drawn.add(_text(record))
                drawn.end()
                os.fsync(file.fileno())
            _check_free(path)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise refusal(error, path) from error


def _check_free(path: Path) -> None:
    if os.path.lexists(path):
        raise Permanent(f"{path}: there is such a file already")


class _Written:
    """A file that is being written, and the checksum of what is in it."""

    def __init__(self, file: BinaryIO, line_max: int) -> None:
        self._file, self._line_max = file, line_max
        self._hash = hashlib.sha256()
        self._lines = 0

    def add(self, text: str) -> None:
        data = text.encode()
        if len(data) > self._line_max:
            raise Permanent(f"a line has {len(data)} bytes, and {self._line_max} are the limit")
        self._hash.update(data)
        self._lines += 1
        self._file.write(data)

    def end(self) -> None:
        end = {"kind": _LAST, "lines": self._lines, "sha256": self._hash.hexdigest()}
        self._file.write(f"{json.dumps(end, separators=(',', ':'))}\n".encode())
        self._file.flush()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(record: Record) -> str:
    """Return a record as its line."""
    kind = _KINDS[type(record)]
    return f'{{"kind":"{kind}",{_CODECS[kind][1].dumps(_canonical(record))[1:]}\n'


def _canonical(record: Record) -> Record:
    """Return a record as any store of this state would give it."""
    match record:
        case Incident():
            servers, moves = sorted(record.servers.items()), sorted(record.evacuations.items())
            return replace(record, servers=dict(servers), evacuations=dict(moves))
        case Told(notice=row):
            return replace(record, notice=_sound_notice(row))
        case Change(evidence=evidence):
            return replace(record, evidence=tuple(map(_sound_evidence, evidence)))
        case _:
            return record


def _sound_notice(row: NoticeRow) -> NoticeRow:
    return replace(row, body=sound(row.body), error=sound(row.error))


def _sound_evidence(row: EvidenceRow) -> EvidenceRow:
    key, print_, summary = map(sound, (row.key, row.fingerprint, row.summary))
    return replace(row, key=key, fingerprint=print_, summary=summary)


# reading


def check_sum(path: Path) -> None:
    """Read a file for its checksum alone. Raise Permanent unless it is the one that was written."""
    with _opened(path) as file:
        _first(path, file)
        file.seek(0)
        summed, count, last = hashlib.sha256(), 0, b""
        while line := file.readline(LINE_MAX):
            if last:
                summed.update(last)
                count += 1
            last = line
    _check_end(path, last, (count, summed.hexdigest()))


@contextmanager
def reading(path: Path) -> Iterator[tuple[Inventory, Iterator[Record]]]:
    """Yield what a file says, and its records; who has come to their end has had all of them.

    Raise Permanent for what is not as it was written.
    """
    with _opened(path) as file:
        inventory, line = _first(path, file)
        yield inventory, _records(path, file, line, inventory)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise refusal(error, path) from error


def _first(path: Path, file: BinaryIO) -> tuple[Inventory, bytes]:
    line = file.readline(LINE_MAX)
    found = _FIRST.fullmatch(_decoded(path, 1, line))
    if not found:
        raise Permanent(f"{path}: {_NO_EXPORT}")
    if not 1 <= int(found[1]) <= SCHEMA:
        raise Permanent(
            f"{path}: its schema is {int(found[1])}, this version of doctor-daemon knows up to"
            f" {SCHEMA}: use the version that wrote it, or a newer one"
        )
    return _value(path, 1, INVENTORY, found[2]), line


def _check_end(path: Path, line: bytes, expected: tuple[int, str]) -> None:
    found = _END.fullmatch(line.decode(errors="replace"))
    if not found:
        raise Permanent(f"{path}: it is cut short: it has no last line")
    if (int(found[1]), found[2]) != expected:
        raise Permanent(f"{path}: it was changed, or is damaged: its checksum is another")


def _records(path: Path, file: BinaryIO, first: bytes, inventory: Inventory) -> Iterator[Record]:
    summed, number = hashlib.sha256(first), 1
    tally = Tally(inventory)
    while line := file.readline(LINE_MAX):
        text = _decoded(path, number + 1, line)
        found = _LINE.fullmatch(text)
        if found is None or found[1] == _LAST:
            break
        if found[1] not in _CODECS:
            told = f"line {number + 1}: no version up to this one has {found[1]!r}"
            raise Permanent(f"{path}: {told}")
        summed.update(line)
        number += 1
        record: Record = _value(path, number, _CODECS[found[1]][1], found[2])
        with _placed(path, number):
            tally.take(record)
        yield record
    _check_end(path, line, (number, summed.hexdigest()))
    if file.read(1):
        raise Permanent(f"{path}: there is something behind its last line")
    with _placed(path, number):
        tally.end()


def _decoded(path: Path, number: int, line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.decode()
    raise Permanent(f"{path}: line {number}: {_NO_EXPORT}")


def _value(path: Path, number: int, codec: Codec[Any], rest: str) -> Any:  # noqa: ANN401 - of whatever kind
    with _placed(path, number):
        return codec.loads(f"{{{rest}")


@contextmanager
def _placed(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except Permanent as error:
        raise Permanent(f"{path}: line {number}: {error}") from None
