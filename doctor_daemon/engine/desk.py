"""The intake desk: evidence and orders come in here, and are triaged to the case of their host.

What was accepted is durable before its sender hears so: opened, joined, repeated or just recorded.
The same event again, within the age that evidence may have, opens nothing; it refreshes the very
incident it belonged to and no other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
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
from doctor_daemon.engine.keys import Keys
from doctor_daemon.engine.lanes import STOPPING, Lanes, Records, lane_of
from doctor_daemon.engine.replays import Ledger
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Temporary
from doctor_daemon.ports import Change, EvidenceRow, Receipt

SAVED_WITHIN_S = 5.0
"""An inspector's sender is told to come again when its evidence is not durable by then."""
ROUNDS_MAX = 3


class Desk:
    """Implements `ports.Intake`. `start` is given a new case to run it."""

    def __init__(
        self,
        ward: Ward,
        start: Callable[[Incident], Case],
        took: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Begin with no cases and no keys. `took` hears how much evidence was made durable."""
        self.cases: dict[HostId, Case] = {}
        self.closed = False
        self.aside = ""
        """Why nothing is taken in yet; empty: it is."""
        self.replays = Ledger(ward)
        self._ward = ward
        self._start = start
        self._took = took
        self._keys = Keys(lambda: ward.rules.policy.evidence_age_s)
        self._records = Records(self._record)
        self.lanes = Lanes(self._triage)

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
        self._keys.remember(rows, self.now())

    async def submit(self, evidence: Sequence[Evidence]) -> Sequence[Receipt]:
        """Make evidence durable and say what became of it. Raise Temporary to have it again."""
        self._check_open()
        receipts = await self._by_source(evidence)
        self._took(len(evidence))
        counts = Counter(
            (lane_of(one), one.verdict, receipt.outcome)
            for one, receipt in zip(evidence, receipts, strict=True)
        )
        for (source, verdict, outcome), count in counts.items():
            self._ward.tools.metrics.evidence.labels(source, verdict, outcome).inc(count)
        return receipts

    def _check_open(self) -> None:
        if self.closed or self.aside:
            raise Temporary(STOPPING if self.closed else self.aside)

    async def aclose(self) -> None:
        """End what is still on its way in: whoever sent it is told that the daemon stops."""
        await self.lanes.close()
        await self._records.close()

    def withdraw(self, source: str) -> None:
        """Hand in nothing of what waits in a source's lane: it is in force no more."""
        self.lanes.empty(source, Temporary(f"{source} has been changed: it is to be said anew"))

    async def _by_source(self, evidence: Sequence[Evidence]) -> list[Receipt]:
        """Hand in by the lane of each source: most often there is but one."""
        if len({lane_of(one) for one in evidence}) == 1:
            return [*await self.lanes.submit(lane_of(evidence[0]), evidence)]
        lanes: dict[str, list[int]] = {}
        for place, one in enumerate(evidence):
            lanes.setdefault(lane_of(one), []).append(place)
        work = (
            self.lanes.submit(name, [evidence[place] for place in places])
            for name, places in lanes.items()
        )
        became = dict[int, Receipt]()
        for places, receipts in zip(lanes.values(), await asyncio.gather(*work), strict=True):
            became |= zip(places, receipts, strict=True)
        return [became[place] for place in range(len(evidence))]

    async def _triage(self, alike: Sequence[Evidence]) -> Sequence[Receipt]:
        """Take in what one source says of one host, the last of it being what counts."""
        for _ in range(ROUNDS_MAX):
            try:
                return await self._place(alike)
            except Closed:
                continue  # the incident ended while the evidence was on its way: look again
        msg = f"{alike[-1].host}: its incidents end faster than evidence arrives"
        raise Temporary(msg)

    async def _place(self, alike: Sequence[Evidence]) -> Sequence[Receipt]:
        case = self._open(alike[-1].host)
        known = [self._known(one, case) for one in alike]
        again = [self._keys.seen(one) is not None for one in alike]
        fresh = [one for one, receipt in zip(alike, known, strict=True) if receipt is None]
        outcome, id_ = await self._take(case, fresh) if fresh else ("", None)
        receipts = list[Receipt]()
        for receipt, seen in zip(known, again, strict=True):
            receipts.append(receipt or Receipt("repeated" if seen else outcome, id_))
            if receipt is None and outcome == "opened":
                outcome = "joined"  # one of them opens it
        return receipts

    def _known(self, evidence: Evidence, case: Case | None) -> Receipt | None:
        """Return the receipt of evidence that changes nothing; None: it is to be taken in."""
        if self.now().since(evidence.received_at) > self._ward.rules.policy.evidence_age_s:
            return Receipt("too old")
        seen = self._keys.seen(evidence)
        if seen is not None and (case is None or case.incident.id != seen[1]):
            return Receipt("repeated", seen[1])
        return None

    async def _take(
        self, case: Case | None, fresh: Sequence[Evidence]
    ) -> tuple[str, IncidentId | None]:
        """Make what is new durable; return what became of it, and in which incident."""
        self._keys.room(fresh)
        if case is None and fresh[-1].verdict is not Verdict.DOWN:
            async with _deadline(fresh[-1].host):
                await self._records.save(fresh)
            return "recorded", None
        outcome = "joined" if case else "opened"
        case = case or self._admit(fresh[-1])
        await self._hear(case, fresh)
        return outcome, case.incident.id

    async def answer(self, said: Said, projects: frozenset[str] | None) -> Answer:
        """Make a project's word about a server durable, if it is waited for; tell whether it is."""
        self._check_open()
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

    def set_gauges(self) -> None:
        """Say how much evidence waits."""
        metrics = self._ward.tools.metrics
        metrics.evidence_waiting.clear()
        metrics.evidence_under_way.clear()
        for source, waiting, under_way in self.lanes.counts():
            metrics.evidence_waiting.labels(source).set(waiting)
            metrics.evidence_under_way.labels(source).set(under_way)
        metrics.store_waiting.set(getattr(self._ward.tools.store, "waiting", 0))
        metrics.letters.set(max((case.waiting for case in self.cases.values()), default=0))

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
        self._check_open()
        host = evidence.host
        incident = open_incident(
            IncidentId(self._ward.tools.new_id()),
            evidence,
            self._ward.plan(host),
            self._ward.servers(host),
        )
        case = self.cases[host] = self._start(incident)
        return case

    async def _record(self, alike: Sequence[Evidence]) -> None:
        """Save what leads to nothing."""
        rows = tuple(evidence_row(one, None) for one in alike)
        await self._ward.tools.store.commit(Change(evidence=rows), term=self._ward.term)
        self._keys.learn(alike, None)

    async def _hear(self, case: Case, alike: Sequence[Evidence]) -> None:
        """Have a case hear evidence. Its keys are known once it is saved, however late that is."""
        *covered, last = alike
        saved = self._hand_in(case, Heard(last), tuple(covered))
        id_ = case.incident.id
        saved.add_done_callback(lambda done: self._saved(done, alike, id_))
        async with _deadline(case.incident.host):
            await asyncio.shield(saved)

    def _saved(
        self, done: asyncio.Future[None], alike: Sequence[Evidence], id_: IncidentId
    ) -> None:
        if not done.cancelled() and done.exception() is None:
            self._keys.learn(alike, id_)

    async def post(self, case: Case, observation: Observation) -> None:
        """Hand an observation to a case and wait until what it changed is saved."""
        saved = self._hand_in(case, observation)
        async with _deadline(case.incident.host):
            await saved

    def _hand_in(
        self, case: Case, observation: Observation, covered: tuple[Evidence, ...] = ()
    ) -> asyncio.Future[None]:
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        case.post(Letter(observation, saved=saved, covered=covered))
        return saved


@asynccontextmanager
async def _deadline(host: HostId) -> AsyncIterator[None]:
    """Turn a time-out into a Temporary that names the host."""
    try:
        async with asyncio.timeout(SAVED_WITHIN_S):
            yield
    except TimeoutError:
        msg = f"{host}: not durable after {SAVED_WITHIN_S:g} s"
        raise Temporary(msg) from None
