"""The intake desk: evidence and orders come in here, and are triaged to the case of their host.

What was accepted is durable before its sender hears so: opened, joined, repeated or just recorded.
The same event again, within the age that evidence may have, opens nothing; it refreshes the very
incident it belonged to and no other.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from doctor_daemon.core.evidence import Evidence, Verdict
from doctor_daemon.core.holding import Answer, Said, answerable, early, took
from doctor_daemon.core.host import HostId
from doctor_daemon.core.incident import Incident, IncidentId, open_incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Heard, Observation
from doctor_daemon.engine.case import Case, Closed
from doctor_daemon.engine.change import evidence_row
from doctor_daemon.engine.inbox import Letter
from doctor_daemon.engine.replays import Ledger
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, EvidenceRow, Receipt

SAVED_WITHIN_S = 5.0
"""An inspector's sender is told to come again when its evidence is not durable by then."""
KEYS_MAX = 100_000
ROUNDS_MAX = 3


class Desk:
    """Implements `ports.Intake`. `start` is given a new case to run it."""

    def __init__(self, ward: Ward, start: Callable[[Incident], Case]) -> None:
        """Begin with no cases and no keys."""
        self.cases: dict[HostId, Case] = {}
        self.closed = False
        self.replays = Ledger(ward)
        self._ward = ward
        self._start = start
        self._keys: OrderedDict[str, tuple[Instant, IncidentId | None]] = OrderedDict()

    def now(self) -> Instant:
        """Return the present, as evidence is to be stamped."""
        return self._ward.tools.clock.now()

    def host(self, name: str) -> HostId | None:
        """Return the configured host of that exact name or alias."""
        rules = self._ward.rules
        exact = HostId(rules.cloud, name)
        return exact if exact in rules.plans else rules.aliases.get(name.lower())

    def remember(self, rows: Sequence[EvidenceRow]) -> None:
        """Take the keys of an earlier run; those of another boot count as if they came now."""
        now = self.now()
        for row in rows:
            at = row.at if row.at.boot_id == now.boot_id else now
            self._keys[row.key] = (at, row.incident)

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Make evidence durable and say what became of it. Raise Temporary to have it again."""
        if self.closed:
            msg = "the daemon is stopping"
            raise Temporary(msg)
        waiting = (self._triage(one) for one in evidence)
        receipts = await asyncio.gather(*waiting)
        counts = Counter(
            (one.source, one.verdict, receipt.outcome)
            for one, receipt in zip(evidence, receipts, strict=True)
        )
        for (source, verdict, outcome), count in counts.items():
            name = source if not source.startswith("operator:") else "operator"
            self._ward.tools.metrics.evidence.labels(name, verdict, outcome).inc(count)
        return receipts

    async def _triage(self, evidence: Evidence) -> Receipt:
        for _ in range(ROUNDS_MAX):
            try:
                return await self._place(evidence)
            except Closed:
                continue  # the incident ended while the evidence was on its way: look again
        msg = f"{evidence.host}: its incidents end faster than evidence arrives"
        raise Temporary(msg)

    async def _place(self, evidence: Evidence) -> Receipt:
        if self.now().since(evidence.received_at) > self._ward.rules.policy.evidence_age_s:
            return Receipt("too old")
        case, seen = self._open(evidence.host), self._seen(evidence)
        if seen is not None and (case is None or case.incident.id != seen[1]):
            return Receipt("repeated", seen[1])
        if case is not None:
            await self._hear(case, evidence)
            return Receipt("repeated" if seen else "joined", case.incident.id)
        if evidence.verdict is not Verdict.DOWN:
            await self._record(evidence)
            return Receipt("recorded")
        case = self._admit(evidence)
        await self._hear(case, evidence)
        return Receipt("opened", case.incident.id)

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        """Make a project's word about a server durable, if it is waited for; tell whether it is."""
        if self.closed:
            msg = "the daemon is stopping"
            raise Temporary(msg)
        cases = self._asked_of(said, projects)
        waiting = (case for case in cases if answerable(case.incident, said.server, said.at))
        case = next(waiting, None)
        if case is None:
            if any(early(case.incident, said, projects) for case in self.cases.values()):
                return Answer.TOO_EARLY
            repeated = [took(one.incident, one.incident, said) for one in cases[:1]]
            return Answer.TAKEN if any(repeated) else Answer.NOT_WAITING
        before = case.incident
        with suppress(Closed):
            await self.post(case, said)
        taken = took(before, case.incident, said)
        return Answer.TAKEN if taken else Answer.NOT_WAITING

    def _asked_of(self, said: Said, projects: frozenset[str] | None) -> list[Case]:
        """Return the cases that know a server of these projects, the newest first.

        One that has been moved to a host that died later is known to two.
        """
        found: list[Case] = []
        for case in self.cases.values():
            record = case.incident.evacuations.get(said.server)
            if record is not None and (projects is None or record.server.project in projects):
                found.append(case)
        return sorted(found, key=lambda case: -case.incident.opened_at.wall_s)

    def _open(self, host: HostId) -> Case | None:
        case = self.cases.get(host)
        return None if case is None or case.incident.phase.final else case

    def _admit(self, evidence: Evidence) -> Case:
        """Open an incident. Nothing is awaited between the look for one and its opening."""
        if self.closed:
            msg = "the daemon is stopping"
            raise Temporary(msg)
        host = evidence.host
        incident = open_incident(
            new_id(), evidence, self._ward.plan(host), self._ward.servers(host)
        )
        case = self.cases[host] = self._start(incident)
        return case

    async def _record(self, evidence: Evidence) -> None:
        step = Change(evidence=(evidence_row(evidence, None),))
        async with _deadline(evidence.host):
            await self._ward.tools.store.commit(step, term=self._ward.term)
        self._learn(evidence, None)

    async def _hear(self, case: Case, evidence: Evidence) -> None:
        """Have a case hear evidence. Its key is known once it is saved, however late that is."""
        saved = self._hand_in(case, Heard(evidence))
        id_ = case.incident.id
        saved.add_done_callback(lambda done: self._saved(done, evidence, id_))
        async with _deadline(case.incident.host):
            await asyncio.shield(saved)

    def _saved(self, done: asyncio.Future[None], evidence: Evidence, id_: IncidentId) -> None:
        if not done.cancelled() and done.exception() is None:
            self._learn(evidence, id_)

    async def post(self, case: Case, observation: Observation) -> None:
        """Hand an observation to a case and wait until what it changed is saved."""
        saved = self._hand_in(case, observation)
        async with _deadline(case.incident.host):
            await saved

    def _hand_in(self, case: Case, observation: Observation) -> asyncio.Future[None]:
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        case.post(Letter(observation, saved=saved))
        return saved

    def _seen(self, evidence: Evidence) -> tuple[Instant, IncidentId | None] | None:
        """Return when an event of this key was accepted first, and where it went."""
        seen, limit_s = self._keys.get(evidence.key), self._ward.rules.policy.evidence_age_s
        if seen is None or evidence.received_at.since(seen[0]) > limit_s:
            return None
        return seen

    def _learn(self, evidence: Evidence, incident: IncidentId | None) -> None:
        if self._seen(evidence) is not None:
            return
        self._keys[evidence.key] = (evidence.received_at, incident)
        self._keys.move_to_end(evidence.key)
        limit_s = self._ward.rules.policy.evidence_age_s
        while self._keys:
            key, (at, _) = next(iter(self._keys.items()))
            if len(self._keys) <= KEYS_MAX and evidence.received_at.since(at) <= limit_s:
                break
            del self._keys[key]


@asynccontextmanager
async def _deadline(host: HostId) -> AsyncIterator[None]:
    """Turn a time-out into a Temporary that names the host."""
    try:
        async with asyncio.timeout(SAVED_WITHIN_S):
            yield
    except TimeoutError:
        msg = f"{host}: not durable after {SAVED_WITHIN_S:g} s"
        raise Temporary(msg) from None


def new_id() -> IncidentId:
    """Return an id that no other incident has, short enough to be typed."""
    return IncidentId(secrets.token_hex(6))
