"""A notice in the form of Aodh's REST notifier: one alarm a server. Source: aodh/notifier/rest.py.

An alarm tells of one server, since its traits name one, so a notice becomes as many alarms as it
has servers. They are frozen together, one a line; what a repetition sends is what was sent first.
Like a CloudEvent for a project, an alarm is put together from a fixed list of words and the server
alone: no host is in it, whoever hears it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, takewhile
from uuid import UUID, uuid5

from doctor_daemon.core.host import Server
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import Notice

MEDIA_TYPE = "application/json"
EVENT_TYPE = "compute.instance.update"
BODY_MAX = 524_288
"""Bytes of all alarms of a notice; each says of how many servers there was no room to tell."""
TRAIT_MAX = 255
"""Characters of a trait's text, as in Aodh's and Ceilometer's tables."""
_STRING, _INTEGER = 1, 2
_NAMESPACE = UUID("6d7cf4b5-5c2c-4f3f-9a39-0b9d8ad1c7f2")
"""The one of all identifiers that are derived here. Never to be changed."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What a kind of notice says in an alarm."""

    previous: str
    current: str
    severity: str
    reason: str


# There is no alarm for *held* and *maintenance*, and none for any outcome but `moved`.
_WORDS: Mapping[NoticeKind, _Words] = {
    NoticeKind.SUSPECTED: _Words(
        "insufficient data",
        "alarm",
        "moderate",
        "the host of this server is suspected to have failed",
    ),
    NoticeKind.CONFIRMED: _Words(
        "insufficient data",
        "alarm",
        "critical",
        "the host of this server has failed: it is off, and Nova knows",
    ),
    NoticeKind.WITHDRAWN: _Words(
        "alarm",
        "ok",
        "low",
        "what was said about this server is taken back: "
        "its host did not fail, or it is not on that host",
    ),
    NoticeKind.OUTCOME: _Words(
        "alarm", "ok", "low", "this server was rebuilt elsewhere, and is there now"
    ),
    NoticeKind.RECOVERED: _Words(
        "alarm", "ok", "low", "the host on which this server was is back in service"
    ),
}


@dataclass(frozen=True, slots=True)
class Alarms:
    """The alarms of one notice. `early`: its consumer hears of suspicions too."""

    notice: Notice
    id: str
    sequence: int
    early: bool

    def render(self) -> str:
        """Return them as ASCII JSON, one a line, at most `BODY_MAX` bytes in all."""
        servers = self.notice.servers
        longest = (len(self._alarm(server, len(servers))) + 1 for server in servers)
        fits = sum(1 for _ in takewhile(lambda size: size <= BODY_MAX, accumulate(longest)))
        untold = len(servers) - fits
        return "\n".join(self._alarm(server, untold) for server in servers[:fits])

    def _alarm(self, server: Server, untold: int) -> str:
        notice, words = self.notice, _WORDS[self.notice.kind]
        again = self.early and notice.kind is NoticeKind.CONFIRMED
        more = f"; there was no room to tell of {untold} more servers" if untold else ""
        event = {
            "message_id": _derived("message", self.id, server.id),
            "event_type": EVENT_TYPE,
            "generated": _time(notice.wall_s),
            "traits": [*self._texts(server), *self._numbers(untold)],
        }
        return json.dumps(
            {
                "alarm_name": _cut(f"host failure: {server.name or server.id}"),
                "alarm_id": _derived("alarm", notice.host.cloud, server.id),
                "severity": words.severity,
                "previous": "alarm" if again else words.previous,
                "current": words.current,
                "reason": words.reason + more,
                "reason_data": {"type": "event", "event": event},
            },
            separators=(",", ":"),
        )

    def _texts(self, server: Server) -> Iterator[tuple[str, int, str]]:
        """Yield name, type and value of each trait that is a text.

        Only an alarm has a `state`: nobody has asked for that of a server that is well again.
        """
        notice = self.notice
        texts = {"instance_id": server.id, "display_name": server.name}
        if _WORDS[notice.kind].current == "alarm":
            texts["state"] = "error"
        texts |= {"tenant_id": server.project, "project_id": server.project}
        texts |= {"kind": notice.kind, "fenced": notice.fenced, "incident": notice.incident}
        for name, text in texts.items():
            yield name, _STRING, _cut(text)

    def _numbers(self, untold: int) -> Iterator[tuple[str, int, int]]:
        yield "sequence", _INTEGER, self.sequence
        if untold:
            yield "servers_untold", _INTEGER, untold


def _derived(*parts: str) -> str:
    """Return a UUID that follows from these parts alone. Escaped: a name may be no Unicode."""
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


def _cut(text: str) -> str:
    return text[:TRAIT_MAX]


def _time(unix_s: float) -> str:
    """Write a moment as Ceilometer does: UTC, to the microsecond, without saying so."""
    return (
        datetime.fromtimestamp(unix_s, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    )
