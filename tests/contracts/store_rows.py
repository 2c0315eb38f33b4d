"""The contract of stores: notices, evidence, and what is dropped in time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, NoticeRow, Snapshot, Wanted
from doctor_daemon.stores.retention import CHARGES_KEEP_S
from tests.contracts.store_disk import KEEP_DAYS, OTHER_BOOT, Disk, first
from tests.stores.values import (
    DAY_S,
    at,
    closing,
    evidence,
    head_of,
    host,
    notice,
    opening,
    rich,
    step,
)


def upkeep_notice(number: int) -> NoticeRow:
    """Make a notice that belongs to no incident."""
    return replace(notice(number), kind="maintenance", incident=IncidentId("u-1"))


class Outbox:
    """Notices: in order, told once more rather than once too little."""

    async def test_pending_notices_come_in_the_order_of_their_making(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = (
            *(notice(1, "cmp-2"), notice(1, "cmp-1"), notice(1, "cmp-1", "ops")),
            *(notice(2, "cmp-1"), notice(2, "cmp-2"), notice(3, "cmp-1")),
        )
        for number in range(0, 6, 2):
            await store.commit(Change(notices=made[number : number + 2]), term=term)
        assert (await store.load()).pending == made

    async def test_a_notice_is_pending_until_it_is_delivered_or_dead(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = tuple(notice(n) for n in range(1, 5))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries(
            [
                Delivery(made[0].id, "delivered", 1),
                Delivery(made[1].id, "dead", 9, "410 Gone"),
                Delivery(made[2].id, "pending", 2, "503"),
                Delivery("pruned long ago", "delivered", 1),
            ],
            term=term,
        )
        expected = (replace(made[2], attempts=2, error="503"), made[3])
        assert (await store.load()).pending == expected
        again, _ = await disk.store()
        assert (await again.load()).pending == expected

    async def test_a_lane_whose_last_ended_notice_was_given_up_has_a_gap(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = (notice(1), notice(2), notice(3), notice(1, "cmp-2"), notice(2, "cmp-2"))
        await store.commit(Change(notices=made), term=term)
        assert (await store.load()).gaps == frozenset()
        ended = [
            Delivery(made[0].id, "delivered", 1),
            Delivery(made[1].id, "dead", 9, "410 Gone"),
            Delivery(made[3].id, "dead", 9, "410 Gone"),
            Delivery(made[4].id, "delivered", 1),
        ]
        await store.deliveries(ended, term=term)
        again, _ = await disk.store()
        assert (await again.load()).gaps == {("vnfm", host())}

    async def test_a_row_comes_back_as_it_was(self, disk: Disk) -> None:
        store, term = await disk.store()
        row = replace(
            notice(1), project="p", gap_before=True, made_at=None, evidence_at=None, attempts=3
        )
        await store.commit(Change(notices=(row,)), term=term)
        assert (await store.load()).pending == (row,)

    async def test_sequences_go_on_when_nothing_is_pending(self, disk: Disk) -> None:
        store, term = await disk.store()
        made = (notice(1), notice(2), notice(1, "cmp-2"), notice(7, "cmp-1", "ops"))
        await store.commit(Change(notices=made), term=term)
        await store.deliveries([Delivery(row.id, "delivered", 1) for row in made], term=term)
        assert (await store.load()).sequences == {
            ("vnfm", host()): 2,
            ("vnfm", host("cmp-2")): 1,
            ("ops", host()): 7,
        }

    async def test_a_sequence_never_goes_back(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(Change(notices=(notice(5), notice(4))), term=term)
        await store.commit(Change(notices=(notice(3),)), term=term)
        assert (await store.load()).sequences == {("vnfm", host()): 5}


class Events:
    """Evidence: folded, and the keys by which it is known again."""

    async def test_events_come_back_the_oldest_first(self, disk: Disk) -> None:
        store, term = await disk.store()
        rows = tuple(replace(evidence(f"k{n}", n), fingerprint=f"f{n}") for n in (2, 1, 3))
        await store.commit(Change(evidence=rows[:2]), term=term)
        await store.commit(Change(evidence=rows[2:]), term=term)
        assert (await store.load()).evidence == rows

    async def test_what_one_source_has_said_is_read_back_the_newest_first(self, disk: Disk) -> None:
        store, term = await disk.store()
        rows = tuple(replace(evidence(f"k{n}", n), fingerprint=f"f{n}") for n in (1, 2, 3))
        other = replace(evidence("k4", 4), source="another", fingerprint="f4")
        await store.commit(Change(evidence=(*rows, other)), term=term)
        source = rows[0].source
        assert tuple(await store.said(source, 10)) == rows[::-1]
        assert tuple(await store.said(source, 2)) == rows[:0:-1]
        assert tuple(await store.said("nobody", 10)) == ()

    async def test_a_repeated_event_is_the_newest(self, disk: Disk) -> None:
        store, term = await disk.store()
        for key, seconds in (("k1", 1), ("k2", 2), ("k1", 3)):
            await store.commit(Change(evidence=(evidence(key, seconds),)), term=term)
        assert (await store.load()).evidence == (evidence("k2", 2), evidence("k1", 3))

    async def test_of_one_statement_the_last_summary_is_kept(self, disk: Disk) -> None:
        store, term = await disk.store()
        rows = (evidence("k1", 1, "smoke"), evidence("k2", 2, "fire"))
        elsewhere = replace(evidence("k3", 1, "dust"), host=host("cmp-2"))
        await store.commit(Change(evidence=(*rows, elsewhere)), term=term)
        said = [(row.key, row.summary) for row in (await store.load()).evidence]
        assert said == [("k1", "fire"), ("k2", "fire"), ("k3", "dust")]

    async def test_an_event_without_an_incident_is_kept_too(self, disk: Disk) -> None:
        store, term = await disk.store()
        row = replace(evidence("k1"), incident=None)
        await store.commit(Change(evidence=(row,)), term=term)
        assert (await store.load()).evidence == (row,)


class Pruning:
    """What is over is dropped in time; what is not over never is."""

    async def test_an_empty_store_can_be_pruned(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.prune(term=term)
        assert await store.load() == Snapshot()

    async def test_closed_incidents_go_when_they_are_old(self, disk: Disk) -> None:
        store, term = await disk.store()
        for name, days in (("old", 0.0), ("young", 2.0)):
            await store.commit(opening(name, name, days * DAY_S), term=term)
            change = closing(head_of(opening(name, name, days * DAY_S)), days * DAY_S + 1)
            await store.commit(replace(change, notices=(notice(1, name, id_=name),)), term=term)
        await store.commit(opening("open", "open", 0.0), term=term)
        await store.deliveries([Delivery(notice(1, "old").id, "delivered", 1)], term=term)
        await store.commit(opening("now", "now", (KEEP_DAYS + 1) * DAY_S), term=term)
        await store.prune(term=term)
        kept = [one.id for one in await store.headings(None, 10)]
        assert kept == ["now", "open", "young"]
        assert await store.find(IncidentId("old")) is None
        assert [one.id for one in (await store.load()).incidents] == ["open", "now"]

    async def test_evacuations_go_with_their_incident(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(first("carol"), term=term)
        ended = closing(rich(), 1)
        await store.commit(ended, term=term)
        await store.commit(opening("now", "now", (KEEP_DAYS + 1) * DAY_S), term=term)
        assert await store.find(IncidentId("one")) == ended.head
        await store.prune(term=term)
        assert await store.find(IncidentId("one")) is None
        # Another one of this name has none of its rows.
        await store.commit(opening(), term=term)
        assert await store.find(IncidentId("one")) == head_of(opening())

    async def test_nothing_is_dropped_that_is_still_to_be_told(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(replace(opening(), notices=(notice(1), notice(2))), term=term)
        await store.commit(closing(head_of(opening()), 1), term=term)
        late = replace(notice(3), made_at=at(2 * DAY_S))
        await store.commit(Change(notices=(late,)), term=term)
        await store.deliveries([Delivery(notice(1).id, "dead", 1)], term=term)
        await store.commit(opening("now", "now", (KEEP_DAYS + 1) * DAY_S), term=term)
        await store.prune(term=term)
        loaded = await store.load()
        # The second is as old as everything that goes; the third is told whatever its incident.
        assert loaded.pending == (late,)
        assert loaded.sequences == {("vnfm", host()): 3}
        await store.commit(Change(notices=(notice(4),)), term=term)

    async def test_a_settled_notice_stays_as_long_as_its_incident(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(replace(opening(), notices=(notice(1),)), term=term)
        await store.deliveries([Delivery(notice(1).id, "delivered", 1)], term=term)
        await store.prune(term=term)
        with pytest.raises(Conflict):
            await store.commit(Change(notices=(notice(1),)), term=term)

    async def test_what_was_told_of_upkeep_stays_though_it_has_no_incident(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        rows = [upkeep_notice(n) for n in (1, 2)]
        await store.commit(Change(notices=tuple(rows), evidence=(evidence("k", 1),)), term=term)
        ended = [Delivery(rows[0].id, "delivered", 1), Delivery(rows[1].id, "dead", 9, "410 Gone")]
        await store.deliveries(ended, term=term)
        await store.prune(term=term)
        assert [row.id for row in await store.notices(Wanted(), 10)] == [rows[1].id, rows[0].id]
        await store.commit(opening("now", "now", (KEEP_DAYS + 1) * DAY_S), term=term)
        await store.prune(term=term)
        assert await store.notices(Wanted(), 10) == ()

    async def test_a_gap_that_was_told_of_in_upkeep_is_none_after_a_prune(self, disk: Disk) -> None:
        store, term = await disk.store()
        rows = [upkeep_notice(n) for n in (1, 2)]
        await store.commit(Change(notices=tuple(rows), evidence=(evidence("k", 1),)), term=term)
        ended = [Delivery(rows[0].id, "dead", 9, "410 Gone"), Delivery(rows[1].id, "delivered", 1)]
        await store.deliveries(ended, term=term)
        assert (await store.load()).gaps == frozenset()
        await store.prune(term=term)
        assert (await store.load()).gaps == frozenset()

    async def test_where_nothing_but_upkeep_is_told_it_grows_old_too(self, disk: Disk) -> None:
        store, term = await disk.store()
        for n in range(1, KEEP_DAYS + 10):
            one = Upkeep(host(), IncidentId("u-1"), Turn.BEGUN, at(n * DAY_S))
            row = replace(upkeep_notice(n), made_at=at(n * DAY_S))
            await store.commit(Change(upkeep=(one,), notices=(row,)), term=term)
            await store.deliveries([Delivery(row.id, "delivered", 1)], term=term)
            await store.prune(term=term)
        assert len(await store.notices(Wanted(), 100)) == KEEP_DAYS + 1

    async def test_keys_go_when_no_evidence_of_their_age_counts(self, disk: Disk) -> None:
        store, term = await disk.store()
        rows = (
            evidence("old", 0),
            evidence("young", 2),
            evidence("old-boot", -2 * DAY_S, boot=OTHER_BOOT),
            evidence("last-boot", 3, boot=OTHER_BOOT),
            evidence("now", DAY_S + 1),
        )
        await store.commit(Change(evidence=rows), term=term)
        await store.prune(term=term)
        assert [row.key for row in (await store.load()).evidence] == ["young", "last-boot", "now"]

    async def test_a_step_of_the_wall_clock_frees_no_charge(self, disk: Disk) -> None:
        store, term = await disk.store()
        charges = tuple(
            Charge("one", n, "rack", moment)
            for n, moment in enumerate((at(0), at(2), at(0, OTHER_BOOT)), 1)
        )
        await store.commit(Change(charges=charges), term=term)
        ahead = replace(evidence("far"), at=replace(at(0), wall_s=at(0).wall_s + 9e9))
        await store.commit(Change(evidence=(ahead,)), term=term)
        await store.prune(term=term)
        assert (await store.load()).charges == charges
        await store.commit(Change(evidence=(evidence("now", CHARGES_KEEP_S + 1),)), term=term)
        await store.prune(term=term)
        assert (await store.load()).charges == charges[1:]

    async def test_an_incident_that_is_held_for_a_year_is_not_dropped(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(opening(), term=term)
        held = head_of(opening()).move(Phase.HELD, at(1), "nobody comes")
        await store.commit(step(head_of(opening()), held), term=term)
        await store.commit(opening("now", "now", 365 * DAY_S), term=term)
        await store.prune(term=term)
        assert [one.phase for one in (await store.load()).incidents] == ["held", "suspected"]
