"""The log as a consumer: each notice is one line, for whoever watches the daemon's own log.

It never fails, and so can never be behind. What is written is what was frozen; a line for a notice
that a restart repeats has the same id.
"""

from __future__ import annotations

import json
import logging
from typing import Any, ClassVar

import structlog

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice
from doctor_daemon.notifiers.audience import Hearing
from doctor_daemon.notifiers.cloudevents import TEXT_MAX, reason
from doctor_daemon.ports.consumer import NoticeRow

SERVERS_MAX = 50
"""Servers that a line names; their number is always told."""
ID_MAX = 64

_CALM = (Stage.MOVED, Stage.SKIPPED, Stage.WAITING)

logger: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class LogConfig(Hearing):
    """What is written into the log."""


class Log:
    """A `Notifier` that writes lines."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[LogConfig]] = LogConfig

    def __init__(self, config: LogConfig, name: str) -> None:
        """Take the options."""
        self.name = name
        self._config = config

    def wants(self, notice: Notice) -> bool:
        """Tell whether it is to be written."""
        return self._config.includes(notice)

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        """Return the line's level and fields, to be frozen."""
        return json.dumps(
            {
                "level": logging.WARNING if _alarming(notice) else logging.INFO,
                "fields": {"notice": id_, "sequence": sequence, **_fields(notice)},
            },
            separators=(",", ":"),
        )

    async def deliver(self, row: NoticeRow) -> None:
        """Write the line."""
        level, fields = _read(row)
        gap = {"gap_before": True} if row.gap_before else {}
        logger.log(level, "notice", consumer=row.consumer, **gap, **fields)

    async def close(self) -> None:
        """Hold nothing that would have to be let go of."""


def _alarming(notice: Notice) -> bool:
    """Tell whether it is a warning: a host is down, or somebody is needed."""
    match notice.kind:
        case NoticeKind.CONFIRMED | NoticeKind.HELD | NoticeKind.ALARM:
            return True
        case (
            NoticeKind.SUSPECTED
            | NoticeKind.WITHDRAWN
            | NoticeKind.RECOVERED
            | NoticeKind.MAINTENANCE
            | NoticeKind.SERVICE
        ):
            return False
        case NoticeKind.OUTCOME:
            return notice.outcome not in _CALM


def _fields(notice: Notice) -> dict[str, object]:
    """Return what the line says; for a project it is made of the same words as a CloudEvent."""
    fields: dict[str, object] = {"kind": notice.kind, "incident": notice.incident}
    if notice.project == OPERATORS:
        fields |= {"cloud": notice.host.cloud, "host": notice.host.name}
        fields |= {"text": notice.text[:TEXT_MAX]}
    else:
        fields |= {"project": notice.project, "text": reason(notice)}
    fields["fenced"] = notice.fenced
    if notice.outcome:
        fields["outcome"] = notice.outcome
    if notice.cause:
        fields["cause"] = notice.cause
    named = [server.id[:ID_MAX] for server in notice.servers[:SERVERS_MAX]]
    return fields | {"servers": len(notice.servers), "server_ids": named}


def _read(row: NoticeRow) -> tuple[int, dict[str, Any]]:
    """Read a frozen line; one of another type of consumer with this name is told as it is."""
    try:
        found = json.loads(row.body)
        return int(found["level"]), dict(found["fields"])
    except (ValueError, KeyError, TypeError):
        return logging.WARNING, {"notice": row.id, "kind": row.kind, "text": row.body[:TEXT_MAX]}
