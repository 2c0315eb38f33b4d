"""What the daemon itself has written down, read again: after a crash, and after another version."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

from doctor_daemon.core.audit import ORIGIN, Broken, Check, Row, canonical, seal
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.inspectors.masakari_notice import noted
from doctor_daemon.ports import EvidenceRow
from doctor_daemon.stores import codec
from doctor_daemon.stores.moved_file import check_sum, reading, written
from doctor_daemon.stores.moved_lines import key_of
from tests.fuzz.documents import FOLDER
from tests.fuzz.requests import brief

AT = Instant("boot", 1.0, 1.0)
CODECS: tuple[codec.Codec[Any], ...] = (
    codec.INSTANT,
    codec.ENTRY,
    codec.ARMED,
    codec.SERVER,
    codec.MAINTENANCE,
    codec.EVACUATION,
    codec.UPKEEP,
    codec.PORT_TASK,
    codec.RESERVE_TASK,
    codec.MASSES,
    codec.PASSAGE,
    codec.VOLUME_ORDER,
    codec.VOLUME_TASK,
    codec.HEAD,
)


def record(data: bytes) -> None:
    """A saved value of any kind: what can be read is written as what reads the same."""
    text = data.decode(errors="replace")
    for one in CODECS:
        try:
            found = one.loads(text)
        except Permanent as error:
            brief(error)
            continue
        again = one.loads(one.dumps(found))
        assert again == found


def audit(data: bytes) -> None:
    """A line of the audit: what is in it is what was chained, or it is found."""
    text = data.decode(errors="replace")
    try:
        body = canonical(json.loads(text))
    except (ValueError, RecursionError):
        body = text
    row = Row(1, seal(ORIGIN, body).hash, text)
    for one in (row, replace(row, hash="0" * 64), replace(row, number=2)):
        check = Check(ORIGIN)
        try:
            check.take(one)
        except Broken as error:
            brief(error)
        else:
            assert check.at == row.link
            assert one is row


def moved(data: bytes) -> None:
    """A file of a whole state, as it is or with an end that fits: what is read was written so."""
    end = {"kind": "end", "lines": data.count(b"\n"), "sha256": sha256(data).hexdigest()}
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    file, again = FOLDER / "moved", FOLDER / "moved-again"
    for text in (data, data + json.dumps(end, separators=(",", ":")).encode() + b"\n"):
        file.write_bytes(text)
        again.unlink(missing_ok=True)
        try:
            check_sum(file)
            with reading(file) as (inventory, records):
                found = list(records)
        except Permanent as error:
            brief(error)
            continue
        with written(again, inventory) as write:
            for one in found:
                write(one)
                assert not isinstance(one, Row) or key_of(one)
        with reading(again) as (same, records):
            assert same == inventory
            assert len(list(records)) == len(found)


def notification(data: bytes) -> None:
    """A row of a source of type `masakari`, or of whatever had its name before."""
    host = HostId("default", "cmp-1")
    key = f"masakari|{data.decode(errors='replace')}"
    notice = noted(EvidenceRow(key, host, "masakari", "k", "noted", "", AT, None))
    if notice is not None:
        json.dumps([notice.type, notice.generated, dict(notice.payload)])
        assert isinstance(notice.accuses, bool)
