"""What the daemon itself has written down, read again: after a crash, and after another version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from doctor_daemon.core.audit import ORIGIN, Broken, Check, Row, canonical, seal
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.inspectors.masakari_notice import noted
from doctor_daemon.ports import EvidenceRow
from doctor_daemon.stores import codec
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


def notification(data: bytes) -> None:
    """A row of a source of type `masakari`, or of whatever had its name before."""
    host = HostId("default", "cmp-1")
    key = f"masakari|{data.decode(errors='replace')}"
    notice = noted(EvidenceRow(key, host, "masakari", "k", "noted", "", AT, None))
    if notice is not None:
        json.dumps([notice.type, notice.generated, dict(notice.payload)])
        assert isinstance(notice.accuses, bool)
