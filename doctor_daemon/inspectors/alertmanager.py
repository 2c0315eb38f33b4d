"""Prometheus Alertmanager's webhook, version "4": firing accuses a host, resolved takes that back.

Only alerts that `match` are about a host's death. Others that the same route brings (a full disk
has a `host` label too) are answered as ignored. There is no match that takes everything.

Resolved is `withdrawn` and never `up`: the rule has stopped matching, which a rule's change, a lost
target or Alertmanager's own time-out can bring about as well; nobody has seen the host alive.

Order (A7). Alertmanager sends at least once, and two peers of a cluster may overtake one another.
An alert's fingerprint is its labels', so one fingerprint is one statement, over and over. Its
claims, for `core.evidence.fold` and `inspectors.order`, are taken from the sender's own clock:

- firing claims `startsAt`. Every repetition claims the same and so refreshes the word that stands;
- resolved claims `endsAt`, but no later than now (an alert may carry an end in the future), and at
  the least one step after `startsAt`.

So a firing that was sent before its resolved, and arrives after it, claims less and is late, while
the next failure starts after this one's end and is news. Where two peers do not agree about the
times, the retraction wins: of the two mistakes that one cuts no power. Alertmanager may bring back
an alert with its old `startsAt` after a resolved that was only a time-out. That, too, counts as
late for as long as evidence may be old, and is heard at the repetition after that.

No alert is too old: `startsAt` says since when, and the delivery itself says that it still is so.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, field_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.inspectors.delivery import Delivery, Ignored, Judged, found_host
from doctor_daemon.inspectors.wire import NAME_MAX, Found, RoutePath, cleaned, read, shown
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

VERSION = "4"
FINGERPRINT = re.compile(r"[0-9a-zA-Z_-]{1,64}")

Label = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]


class Status(StrEnum):
    """What an alert says of itself."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a delivery. Times are Unix seconds of the sender's clock."""

    labels: Found
    status: Status
    fingerprint: str
    starts_at: str
    """As it was sent: it names this occurrence of the alert."""
    starts_s: float
    ends_s: float
    summary: str

    def label(self, name: str) -> str:
        """Return a label's value, '' where there is none; Prometheus knows no difference."""
        return str(self.labels.object().get(name, ""))


class Alertmanager(Inspector):
    """Takes in Alertmanager's webhook."""

    api: ClassVar[int] = 1

    class Config(BaseModel):
        """The options of a source of type `alertmanager`."""

        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

        path: RoutePath = "/v1/alertmanager"
        """Where Alertmanager posts to. Two sources need two paths."""
        match: Annotated[dict[Label, tuple[Label, ...]], Field(min_length=1)] = {
            "alertname": ("HostDown",)
        }
        """The labels that an alert must have to be about a host's death: for each, the values that
        will do. All other alerts are ignored."""
        host_labels: Annotated[tuple[Label, ...], Field(min_length=1)] = (
            "host",
            "nodename",
            "instance",
        )
        """Where the host's name is: the first of these labels that the alert has."""
        strip: Annotated[str, Field(max_length=200)] = ":[0-9]+$"
        """A regular expression; what it matches is taken off the name, such as the port of
        `instance`. Empty: nothing is."""
        kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "prometheus"
        """The kind of this evidence. Where a second kind is needed, two sources of one kind do not
        make two."""

        @field_validator("match")
        @classmethod
        def _values(cls, match: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
            for label, values in match.items():
                if not values:
                    msg = f"{label}: expected at least one value"
                    raise ValueError(msg)
            return match

        @field_validator("strip")
        @classmethod
        def _expression(cls, text: str) -> str:
            try:
                re.compile(text)
            except re.error as error:
                msg = f"expected a regular expression: {error}"
                raise ValueError(msg) from None
            return text

    def __init__(self, config: Config, terms: SourceTerms) -> None:
        """Speak for one source."""
        self.name = terms.name
        self._config = config
        self._terms = terms
        self._strip = re.compile(config.strip) if config.strip else None
        self._delivery = Delivery(terms.name, terms.evidence_age_s)

    @override
    async def run(self, intake: Intake) -> None:
        """Wait: Alertmanager comes by itself."""
        await asyncio.Event().wait()

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return the webhook's one route."""

        async def take(request: web.Request) -> web.Response:
            gate.admit(request)
            return await self._take(await read(request), intake)

        return [web.post(self._config.path, take)]

    async def _take(self, body: Found, intake: Intake) -> web.Response:
        version = body.must("version", f'"{VERSION}"')
        if version.value != VERSION:
            raise version.wrong(f'"{VERSION}": the one version that is understood', "wrong_version")
        truncated = body.may("truncatedAlerts")
        missing = truncated.count() if truncated else 0
        alerts = [_alert(item) for item in body.must("alerts", "a list of alerts").items("alerts")]
        judged = [self._judge(alert, intake) for alert in alerts]
        answers = await self._delivery.hand_in(judged, intake)
        receipts = [
            {"fingerprint": alert.fingerprint, **answer.said()}
            for alert, answer in zip(alerts, answers, strict=True)
        ]
        return web.json_response({"receipts": receipts, "warnings": self._warnings(missing)})

    def _warnings(self, missing: int) -> list[str]:
        if not missing:
            return []
        text = f"{missing} alerts were left out by Alertmanager's max_alerts; set it to 0"
        log.warning("alerts are missing", source=self.name, count=missing, reason=text)
        return [text]

    def _judge(self, alert: Alert, intake: Intake) -> Judged:
        unmatched = self._unmatched(alert)
        if unmatched:
            return Ignored(unmatched)
        host = self._host(alert, intake)
        if isinstance(host, Refusal):
            return host
        now = intake.now()
        firing = alert.status is Status.FIRING
        return Evidence(
            host=host,
            verdict=Verdict.DOWN if firing else Verdict.WITHDRAWN,
            source=self.name,
            kind=self._config.kind,
            trust=self._terms.trust,
            fingerprint=alert.fingerprint,
            key=f"{self.name}|{alert.fingerprint}|{alert.starts_at}|{alert.status}",
            received_at=now,
            claimed_s=alert.starts_s if firing else _withdrawn_s(alert, now),
            summary=alert.summary,
        )

    def _unmatched(self, alert: Alert) -> str:
        """Return why an alert is not about a host's death, '' when it is."""
        for label, values in self._config.match.items():
            value = alert.label(label)
            if value not in values:
                found = shown(value) if value else "nothing"
                return f"label {label}: found {found}; expected {' or '.join(values)}"
        return ""

    def _host(self, alert: Alert, intake: Intake) -> HostId | Refusal:
        """Return the host that the first host label names."""
        for label in self._config.host_labels:
            value = alert.label(label)[: NAME_MAX + 1]  # nobody's megabyte is searched through
            if value:
                name = self._strip.sub("", value) if self._strip else value
                return found_host(name, f"{alert.labels.field}.{label}", intake)
        return Refusal(
            422,
            "no_host",
            "no label names a host",
            field=alert.labels.field,
            expected=f"one of {', '.join(self._config.host_labels)}",
        )


def _withdrawn_s(alert: Alert, now: Instant) -> float:
    """Return what a resolved alert claims, in Unix seconds; the module says why."""
    after_start_s = math.nextafter(alert.starts_s, math.inf)
    return max(after_start_s, min(alert.ends_s, now.wall_s))


def _alert(found: Found) -> Alert:
    """Read one alert. Raise Refusal (400) that names the field."""
    labels = found.must("labels", "an object of text")
    name = labels.texts().get("alertname", "")
    notes = found.may("annotations")
    annotations = notes.texts() if notes else {}
    starts = found.must("startsAt", "a time")
    ends = found.may("endsAt")
    fingerprint = found.must("fingerprint", "the alert's fingerprint")
    if not FINGERPRINT.fullmatch(fingerprint.text()):
        raise fingerprint.wrong("1 to 64 letters and digits", "wrong_value")
    told = annotations.get("summary") or annotations.get("description") or ""
    return Alert(
        labels=labels,
        status=found.must("status", "firing or resolved").choice(Status),
        fingerprint=fingerprint.text(),
        starts_at=starts.text(),
        starts_s=starts.moment(),
        ends_s=ends.moment() if ends else -math.inf,
        summary=cleaned(f"{name}: {told}" if told else name),
    )
