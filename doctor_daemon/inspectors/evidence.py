"""Our own `POST /v1/evidence`: for scripts, and for monitors that have no format of their own.

    {"evidence": [{"host": "cmp-7", "verdict": "down", "kind": "ipmi-sel",
                   "observed_at": "2026-11-21T10:00:00Z", "summary": "machine check"}]}

Strict, because whoever writes such a script has us to look at and nobody else: an unknown field, a
time without a zone or one host that is not configured refuses the whole request, and nothing of it
is taken. The time is compared with ours, so what lay in somebody's queue is not acted on (A5), and
with the same source's other times, so requests that overtook one another cannot bring back what was
taken back (A7).

A source whose word is not enough alone speaks for one kind of evidence, which the configuration
names: two kinds are two opinions, and one sender must not be able to give both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Serial, Trust, Verdict
from doctor_daemon.errors import ConfigError
from doctor_daemon.inspectors.delivery import Delivery, Judged, found_host
from doctor_daemon.inspectors.order import too_new, too_old
from doctor_daemon.inspectors.wire import Found, RoutePath, digest, read, shown
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms
from doctor_daemon.ports.refusal import Refusal

MEMBERS = (
    *("host", "verdict", "kind", "fingerprint", "id", "observed_at", "summary"),
    *("epoch", "sequence"),
)
ID_MAX = 128
PRINT_MAX = 64
KIND_MAX = 64
COUNT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Statement:
    """One item of a request, as it was sent."""

    field: str
    host: str
    verdict: Verdict
    kind: str
    fingerprint: str
    parts: tuple[str, ...]
    """What makes it, of the same host, the same statement when it comes again."""
    observed: Found
    observed_s: float
    """Unix seconds, by the sender's clock."""
    summary: str
    serial: Serial | None


class EvidenceApi(Inspector):
    """Takes in evidence in the daemon's own format."""

    api: ClassVar[int] = 1

    class Config(BaseModel):
        """The options of a source of type `evidence`."""

        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

        path: RoutePath = "/v1/evidence"
        """Where evidence is posted to. Two sources need two paths."""
        kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] | None = None
        """The one kind of evidence that this source may give. Must be set unless its trust is
        `alone`: else one sender could be its own second opinion."""
        skew_s: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False)] = 30.0
        """How far `observed_at` may lie in the future: the clocks' difference."""

    def __init__(self, config: Config, terms: SourceTerms) -> None:
        """Speak for one source. Raise ConfigError where it could be its own second opinion."""
        if config.kind is None and terms.trust is not Trust.ALONE:
            msg = (
                f"source {terms.name!r}: kind: it is missing; expected the one kind of evidence "
                "that it gives: its word alone is not enough, and must not be its own second"
            )
            raise ConfigError(msg)
        self.name = terms.name
        self._config = config
        self._terms = terms
        self._delivery = Delivery(terms.name, terms.evidence_age_s, whole=True)

    @override
    async def run(self, intake: Intake) -> None:
        """Wait: senders come by themselves."""
        await asyncio.Event().wait()

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return the one route."""

        async def take(request: web.Request) -> web.Response:
            gate.admit(request)
            return await self._take(await read(request), intake)

        return [web.post(self._config.path, take)]

    async def _take(self, body: Found, intake: Intake) -> web.Response:
        body.only("evidence")
        items = body.must("evidence", "a list of evidence").items("evidence")
        judged = [self._judge(item, intake) for item in items]
        answers = await self._delivery.hand_in(judged, intake)
        return web.json_response({"receipts": [answer.said() for answer in answers]})

    def _judge(self, item: Found, intake: Intake) -> Judged:
        said, now = _statement(item), intake.now()
        host = found_host(said.host, f"{said.field}.host", intake)
        if isinstance(host, Refusal):
            return host
        age_s = now.wall_s - said.observed_s
        refused = (
            self._wrong_kind(said)
            or too_old(said.observed, age_s, self._terms.evidence_age_s)
            or too_new(said.observed, -age_s, self._config.skew_s)
        )
        return refused or Evidence(
            host=host,
            verdict=said.verdict,
            source=self.name,
            kind=said.kind,
            trust=self._terms.trust,
            fingerprint=said.fingerprint,
            key=f"{self.name}|{digest(host.name, *said.parts)}",
            received_at=now,
            claimed_s=said.observed_s,
            summary=said.summary,
            serial=said.serial,
        )

    def _wrong_kind(self, said: Statement) -> Refusal | None:
        if self._config.kind in (None, said.kind):
            return None
        return Refusal(
            422,
            "wrong_kind",
            f"this source may not give evidence of the kind {shown(said.kind)}",
            field=f"{said.field}.kind",
            expected=f"{self._config.kind}, as the configuration has it",
        )


def _statement(item: Found) -> Statement:
    """Read one statement. Raise Refusal (400) that names the field."""
    item.only(*MEMBERS)
    host = item.must("host", "the name of a host").text()
    verdict = item.must("verdict", "down, up or withdrawn").choice(Verdict)
    kind = item.must("kind", "the kind of evidence").word(KIND_MAX)
    observed = item.must("observed_at", "an RFC 3339 time with its zone")
    print_, id_ = item.may("fingerprint"), item.may("id")
    fingerprint = print_.word(PRINT_MAX) if print_ else kind
    observed_s, serial = observed.moment(), _serial(item)
    own = fingerprint, verdict.value, observed.text(), *_told(serial)
    return Statement(
        field=item.field,
        host=host,
        verdict=verdict,
        kind=kind,
        fingerprint=fingerprint,
        parts=("id", id_.word(ID_MAX)) if id_ else own,
        observed=observed,
        observed_s=observed_s,
        summary=item.must("summary", "a few words for people").summary(),
        serial=serial,
    )


def _told(serial: Serial | None) -> tuple[str, ...]:
    return () if serial is None else (f"{serial.epoch}.{serial.number}",)


def _serial(item: Found) -> Serial | None:
    """Read the sender's own count of its statements, where it has one."""
    epoch, number = item.may("epoch"), item.may("sequence")
    if number is None:
        if epoch is not None:
            raise epoch.wrong("a sequence beside it: an epoch alone orders nothing", "missing")
        return None
    return Serial(_counted(epoch) if epoch else 0, _counted(number))


def _counted(found: Found) -> int:
    """Return a whole number that any language can count to."""
    if found.count() > COUNT_MAX:
        raise found.wrong(f"at most {COUNT_MAX}", "wrong_value")
    return found.count()
