"""Prometheus, asked: a PromQL query every few seconds, for sites without Alertmanager's webhook.

The query gives one sample for each host, and the sample's value says how the host is. What is not
in the answer is not known: an empty answer means that nothing matched, because everything is well,
because a label was renamed or because Prometheus has just begun, and nobody can tell which. So it
neither accuses nor clears anybody. The same holds for an answer that is partial, that was evaluated
no later than the one before (a cache's), for NaN, and for no answer.

A host of several series (two exporters) is down only if all of them say so.

The query sees only what was scraped lately: `lookback_s` replaces Prometheus' own five minutes, in
which a host that was scraped last before Prometheus stood still would go on looking alive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated, ClassVar

import structlog
from pydantic import Field, field_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.promql import Queries, QueryEndpoint, Sample
from doctor_daemon.inspectors.voice import View
from doctor_daemon.inspectors.wire import NAME_MAX
from doctor_daemon.ports import Intake, SourceTerms

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

UNKNOWN_SHOWN = 5
Label = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
RANKS = {Verdict.DOWN: 0, Verdict.WITHDRAWN: 1, Verdict.UP: 2}
"""Of several words about one host the highest counts."""


class PrometheusConfig(QueryEndpoint):
    """The options of a source of type `prometheus`."""

    query: Annotated[str, Field(min_length=1, max_length=4000)]
    """A PromQL query that gives an instant vector, a series for each host: `up{job="node"}`."""
    down_value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """A sample of this value says that its host is down."""
    alive_value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """A sample of this value says that its host was seen alive. Any other only takes an earlier
    word back; without this option every other one does."""
    host_labels: Annotated[tuple[Label, ...], Field(min_length=1)] = (
        "host",
        "nodename",
        "instance",
    )
    """Where the host's name is: the first of these labels that the series has."""
    strip: Annotated[str, Field(max_length=200)] = ":[0-9]+$"
    """A regular expression; what it matches is taken off the name. Empty: nothing is."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")] = "prometheus"
    """The kind of this evidence. Where a second kind is needed, two sources of one kind do not
    make two."""
    every_s: Annotated[float, Field(ge=0.5, le=240)] = 10.0
    """From the beginning of one query to that of the next."""
    lookback_s: Annotated[float, Field(ge=1, le=300)] = 60.0
    """How old a scraped sample may be: more than one scrape interval, best three of them."""

    @field_validator("strip")
    @classmethod
    def _expression(cls, text: str) -> str:
        try:
            re.compile(text)
        except re.error as error:
            msg = f"expected a regular expression: {error}"
            raise ValueError(msg) from None
        return text


class Prometheus(Polling):
    """Asks a Prometheus how the hosts are."""

    Config: ClassVar[type[PrometheusConfig]] = PrometheusConfig

    def __init__(self, config: PrometheusConfig, terms: SourceTerms) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        super().__init__(terms, config.every_s)
        self._config = config
        self._strip = re.compile(config.strip) if config.strip else None
        self._queries = Queries(config)
        self._asked_s = -math.inf
        self._strangers: frozenset[str] = frozenset()

    @override
    async def close(self) -> None:
        """Let go of the connections; the next question opens new ones."""
        await self._queries.close()

    @override
    async def look(self, intake: Intake) -> None:
        """Ask once, and say what is to be said. Raise Temporary or Permanent."""
        samples = await self._queries.ask(self._config.query, self._config.lookback_s)
        self._expect_new(samples)
        await self._voice.say(self._views(samples, intake), intake)

    def _expect_new(self, samples: Iterable[Sample]) -> None:
        """Refuse an answer that was evaluated no later than the one before: a cache gave it."""
        at_s = min((sample.at_s for sample in samples), default=math.inf)
        before_s, self._asked_s = self._asked_s, at_s if at_s < math.inf else self._asked_s
        if at_s <= before_s:
            msg = "the answer is no newer than the one before: it was kept by a cache"
            raise Temporary(msg)

    def _views(self, samples: Iterable[Sample], intake: Intake) -> list[View]:
        found: dict[HostId, Verdict] = {}
        strangers: set[str] = set()
        for sample in samples:
            name, verdict = self._named(sample), self._verdict(sample.value)
            host = intake.host(name) if name else None
            if host is None:
                strangers.add(name or "a series without a name")
            elif verdict is not None:
                found[host] = max(found.get(host, verdict), verdict, key=lambda one: RANKS[one])
        self._tell(frozenset(strangers))
        kind = self._config.kind
        return [View(host, word, kind, f"PromQL says {word}") for host, word in found.items()]

    def _verdict(self, value: float) -> Verdict | None:
        """Return what a value says; None: nothing."""
        if math.isnan(value):
            return None
        if value == self._config.down_value:
            return Verdict.DOWN
        return Verdict.UP if value == self._config.alive_value else Verdict.WITHDRAWN

    def _named(self, sample: Sample) -> str:
        """Return the name that the first host label has; '' where nothing could be a name."""
        for label in self._config.host_labels:
            value = sample.labels.get(label, "")[: NAME_MAX + 1]
            if value:
                name = self._strip.sub("", value) if self._strip else value
                return name if name.isprintable() and len(name) <= NAME_MAX else ""
        return ""

    def _tell(self, strangers: frozenset[str]) -> None:
        """Log names that are no hosts, when others come up than before."""
        if strangers - self._strangers:
            some = sorted(strangers)[:UNKNOWN_SHOWN]
            log.warning("no configured hosts", source=self.name, names=some, count=len(strangers))
        self._strangers = strangers
