"""A flood of one source: it waits in its own lane, and what was accepted of it is saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from typing_extensions import override

from doctor_daemon.core.evidence import Evidence, Serial, Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.keys import Keys
from doctor_daemon.engine.lanes import UNDER_WAY_MAX, WAITING_MAX
from doctor_daemon.ports import Change, Receipt
from doctor_daemon.ports.intake import Crowded
from tests.engine.rig import HOST, OTHER, Rig, SlowDisk
from tests.simulation.virtual import run

HOSTS = tuple(HostId("default", f"cmp-{number}") for number in range(1, 101))
FLOOD = 2000


class OneAtATime(SlowDisk):
    """A disk that saves one change after the other, and knows who waits behind whom."""

    def __init__(self) -> None:
        super().__init__()
        self.commit_s = 0.005
        self.queued = 0
        self.ahead: dict[str, int] = {}
        """Source -> how many changes were before that which held its evidence."""
        self.changes: list[Change] = []
        self._turn = asyncio.Lock()

    @override
    async def commit(self, change: Change, *, term: int) -> None:
        for row in change.evidence:
            self.ahead.setdefault(row.source, self.queued)
        self.queued += 1
        async with self._turn:
            await super().commit(change, term=term)
        self.queued -= 1
        self.changes.append(change)


def word(rig: Rig, host: HostId, number: int, verdict: Verdict = Verdict.DOWN) -> Evidence:
    """Return what the flooding source says: each time an event of its own."""
    said = rig.evidence(verdict, host)
    key = f"flood|{number}|{verdict}"
    return replace(said, source="flood", key=key, fingerprint=f"disk-{number % 7}")


def many_hosts(rig: Rig, engine: Engine) -> None:
    plans = {host: rig.plan(host) for host in HOSTS}
    engine.ward.rules = replace(engine.ward.rules, plans=plans)


async def kept(disk: SlowDisk) -> set[str]:
    """Return the events of the flood that are saved."""
    return {row.key for row in (await disk.load()).evidence if row.source == "flood"}


def outcomes(receipts: Sequence[Receipt]) -> list[str]:
    return [receipt.outcome for receipt in receipts]


@pytest.mark.parametrize("verdict", [Verdict.DOWN, Verdict.UP])
def test_e5_a_flood_puts_another_source_back_by_a_bounded_number_of_places(
    verdict: Verdict,
) -> None:
    disk = OneAtATime()
    rig = Rig(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            many_hosts(rig, engine)
            flood = [word(rig, HOSTS[n % len(HOSTS)], n, verdict) for n in range(FLOOD)]
            pieces = [flood[start : start + 250] for start in range(0, FLOOD, 250)]
            told = [asyncio.create_task(engine.desk.submit(some)) for some in pieces]
            await asyncio.sleep(0.02)
            ((name, waiting, under_way),) = engine.desk.lanes.counts()
            assert (name, under_way) == ("flood", UNDER_WAY_MAX)
            assert waiting > FLOOD / 2
            (opened,) = await engine.desk.submit([replace(rig.evidence(), source="calm")])
            assert opened.outcome in {"opened", "joined"}
            assert disk.ahead["calm"] <= UNDER_WAY_MAX + 1
            assert not all(one.done() for one in told), "it has overtaken the flood"
            receipts = [receipt for some in await asyncio.gather(*told) for receipt in some]
            assert len(receipts) == FLOOD
            assert set(outcomes(receipts)) <= {"opened", "joined", "recorded"}
            assert await kept(disk) == {one.key for one in flood}, "what was answered is saved"

    run(main())
    assert rig.bugs == []


def test_e5_what_says_the_same_while_it_waits_is_folded_once_and_saved_whole() -> None:
    disk = OneAtATime()
    rig = Rig(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            first = asyncio.create_task(engine.desk.submit([rig.evidence()]))
            await asyncio.sleep(0)
            same = [word(rig, HOST, 7 * number) for number in range(500)]
            receipts = await engine.desk.submit(same)
            await first
            assert outcomes(receipts) == ["joined"] * len(same)
            incident = engine.desk.cases[HOST].incident
            stands = incident.words["flood/disk-0"]
            assert stands.count == 1
            assert stands.last == same[-1].received_at
            assert await kept(disk) == {one.key for one in same}
            (again,) = await engine.desk.submit([same[3]])
            assert again.outcome == "repeated", "a word that was covered is known too"

    run(main())
    assert len([one for one in disk.changes if one.head is not None]) <= 4


def test_a7_words_that_differ_keep_their_order_in_the_lane() -> None:
    rig = Rig(disk=OneAtATime())

    async def main() -> None:
        async with rig.running() as engine:
            order = (Verdict.DOWN, Verdict.WITHDRAWN, Verdict.DOWN)
            said = [word(rig, HOST, 7 * n, verdict) for n, verdict in enumerate(order)]
            await engine.desk.submit([rig.evidence()])
            await engine.desk.submit(said)
            stands = engine.desk.cases[HOST].incident.words["flood/disk-0"]
            assert stands.verdict is Verdict.DOWN

    run(main())


def test_a7_of_words_that_overtook_each_other_the_source_s_last_one_stands() -> None:
    rig = Rig(disk=OneAtATime())

    async def main() -> None:
        async with rig.running() as engine:
            counts = (4, 9, 2)
            said = [replace(word(rig, HOST, 7 * n), serial=Serial(1, n)) for n in counts]
            await engine.desk.submit(said)
            stands = engine.desk.cases[HOST].incident.words["flood/disk-0"]
            assert stands.serial == Serial(1, 9)

    run(main())


def test_i20_a_lane_has_an_end_and_takes_a_request_whole_or_not_at_all() -> None:
    disk = OneAtATime()
    rig = Rig(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            many_hosts(rig, engine)
            off = Verdict.WITHDRAWN
            flood = [word(rig, HOSTS[n % len(HOSTS)], n, off) for n in range(WAITING_MAX)]
            told = asyncio.create_task(engine.desk.submit(flood))
            await asyncio.sleep(0)
            more = [word(rig, OTHER, WAITING_MAX + n, off) for n in range(1000)]
            with pytest.raises(Crowded, match="statements of it wait already"):
                await engine.desk.submit(more)
            (calm,) = await engine.desk.submit([replace(rig.evidence(), source="calm")])
            assert calm.incident is not None
            assert len(await told) == WAITING_MAX
            assert not await kept(disk) & {one.key for one in more}
            assert "doctor_evidence_waiting" in shown(rig)
            assert outcomes(await engine.desk.submit(more[:1])) == ["recorded"]

    run(main())


def shown(rig: Rig) -> set[str]:
    return {metric.name for metric in rig.metrics.registry.collect()}


def test_e5_who_has_given_up_leaves_nothing_in_the_lane() -> None:
    disk = OneAtATime()
    rig = Rig(disk=disk)

    async def main() -> None:
        async with rig.running() as engine:
            flood = [word(rig, HOSTS[n % len(HOSTS)], n, Verdict.UP) for n in range(FLOOD)]
            told = asyncio.create_task(engine.desk.submit(flood))
            await asyncio.sleep(0.001)
            told.cancel()
            with pytest.raises(asyncio.CancelledError):
                await told
            (calm,) = await engine.desk.submit([replace(rig.evidence(), source="calm")])
            await asyncio.sleep(1)
            assert calm.outcome == "opened"
            assert len(await kept(disk)) < FLOOD / 10

    run(main())


async def test_i12_a_source_with_too_many_events_is_refused_and_no_other_is_forgotten() -> None:
    rig, most = Rig(), 50
    keys = Keys(lambda: 300.0, most)
    first = replace(rig.evidence(), source="calm")
    keys.learn([first], None)
    said = [word(rig, HOST, number) for number in range(most + 1)]
    for one in said[:most]:
        keys.room([one])
        keys.learn([one], None)
    with pytest.raises(Crowded, match="50 accusations of it are remembered"):
        keys.room([said[most]])
    assert keys.seen(first) is not None
    assert keys.seen(said[0]) is not None
    keys.room([replace(said[most], received_at=said[0].received_at.plus(301))])
    assert keys.seen(said[0]) is None, "what is too old to matter makes room"


async def test_a9_a_sign_of_life_is_never_refused_for_how_many_there_are() -> None:
    rig, most = Rig(), 50
    keys = Keys(lambda: 300.0, most)
    accused = word(rig, HOST, 0)
    keys.learn([accused], None)
    said = [word(rig, HOST, number, Verdict.UP) for number in range(3 * most)]
    for one in said:
        keys.room([one])
        keys.learn([one], None)
    known = [keys.seen(one) is not None for one in said]
    assert known == [False] * 2 * most + [True] * most
    assert keys.seen(accused) is not None, "however much life is seen, no accusation is forgotten"


def test_receipts_stand_in_the_order_of_what_was_handed_in_whoever_said_it() -> None:
    rig = Rig(disk=OneAtATime())

    async def main() -> None:
        async with rig.running() as engine:
            ours, theirs = rig.evidence(), replace(rig.evidence(), source="second")
            other = word(rig, OTHER, 1, Verdict.WITHDRAWN)
            first = await engine.desk.submit([ours])
            said = [theirs, other, replace(theirs, key="x"), ours]
            receipts = await engine.desk.submit(said)
            assert outcomes(first) == ["opened"]
            assert outcomes(receipts) == ["joined", "recorded", "joined", "repeated"]
            assert await engine.desk.submit([]) == []

    run(main())
