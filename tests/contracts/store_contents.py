"""The contract of stores: what is saved is there again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.core.masses import MassState
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.sightings import Marking, Unseen
from doctor_daemon.core.upkeep import Turn, Upkeep
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, Heading, Snapshot
from tests.contracts.store_disk import OTHER_BOOT, Disk, first
from tests.stores.values import (
    SIGHTING,
    at,
    closing,
    evacuation,
    evidence,
    head_of,
    host,
    incident,
    notice,
    opening,
    rich,
    server,
    step,
)


class Memory:
    """What is saved is there again."""

    async def test_a_new_store_is_empty(self, disk: Disk) -> None:
        store, _ = await disk.store()
        assert await store.load() == Snapshot()
        assert await store.headings(None, 10) == ()
        assert await store.find(IncidentId("one")) is None

    async def test_everything_survives_a_restart(self, disk: Disk) -> None:
        store, term = await disk.store()
        change = first("carol")
        await store.commit(change, term=term)
        expected = Snapshot(
            incidents=(rich(),),
            charges=change.charges,
            armed=Armed(on=True, by="carol", at=at(0), why="tested"),
            maintenance=(Maintenance(host("cmp-9"), "carol", "new board", at(60)),),
            pending=change.notices,
            sequences={("vnfm", host()): 2},
            evidence=change.evidence,
            orders=change.orders,
            tasks=change.tasks,
            port_tasks=change.port_tasks,
            reserves=change.reserves,
            masses=change.masses or MassState(),
            passages=change.passages,
        )
        assert await store.load() == expected
        again, _ = await disk.store()
        assert await again.load() == expected
        assert await again.find(IncidentId("one")) == rich()

    async def test_what_nova_last_showed_and_why_a_server_stayed_are_there_again(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        opened = opening()
        await store.commit(opened, term=term)
        kind, stayed = NoticeKind.OUTCOME, (server("s1"),)
        told = head_of(opened).tell(at(1), "it is paused", kind, stayed, "skipped", cause="state")
        told = replace(
            told, reported_at=at(9), unseen=Unseen.UNKNOWN, marking=Marking(late_at=at(8))
        )
        change = step(head_of(opened), replace(told, shown=SIGHTING))
        await store.commit(change, term=term)
        again, _ = await disk.store()
        (found,) = (await again.load()).incidents
        assert found == head_of(change)
        assert (found.shown, found.timeline[-1].cause) == (SIGHTING, "state")

    async def test_an_empty_change_changes_nothing(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(Change(), term=term)
        assert await store.load() == Snapshot()

    async def test_what_was_told_of_upkeep_is_written_over_by_what_is_told_next(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        heard = (server("s1"), server("s2"))
        begun = Upkeep(host(), IncidentId("u-1"), Turn.BEGUN, at(1), heard)
        other = Upkeep(host("cmp-0"), IncidentId("u-2"), Turn.BEGUN, at(2))
        ended = replace(begun, turn=Turn.ENDED, at=at(3), heard=heard[:1])
        rows = (replace(notice(1), kind="maintenance", incident=begun.id),)
        await store.commit(Change(upkeep=(begun, other), notices=rows), term=term)
        await store.commit(Change(upkeep=(ended,)), term=term)
        again, _ = await disk.store()
        found = await again.load()
        assert (found.upkeep, found.pending) == ((other, ended), rows)

    async def test_an_incident_grows_by_what_is_new(self, disk: Disk) -> None:
        store, term = await disk.store()
        saved = rich()
        await store.commit(first("carol"), term=term)
        servers = {"s1": server("s1", "ERROR"), "s3": server("s3")}
        after = replace(saved.note(at(9), "more"), servers={s.id: s for s in servers.values()})
        change = step(saved, after)
        assert (len(change.entries), len(change.servers), change.servers_gone) == (1, 2, ("s2",))
        await store.commit(change, term=term)
        assert await store.find(IncidentId("one")) == change.head

    async def test_an_evacuation_is_written_over_by_its_next_state(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(first("carol"), term=term)
        moved = evacuation("s1").at(Stage.MOVED, at(9), "Nova says so")
        more = {one.server.id: one for one in (moved, evacuation("s2"), evacuation("s3"))}
        change = step(rich(), replace(rich(), evacuations=more))
        assert [one.server.id for one in change.evacuations] == ["s1", "s2", "s3"]
        await store.commit(change, term=term)
        again, _ = await disk.store()
        assert (await again.load()).incidents == (change.head,)
        assert await again.find(IncidentId("one")) == change.head

    async def test_the_evacuations_of_one_incident_are_not_those_of_another(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        for name, stage in (("one", Stage.FAILED), ("two", Stage.MOVED)):
            before = head_of(opening(name, name))
            await store.commit(opening(name, name), term=term)
            one = evacuation("s1", stage)
            after = replace(before, evacuations={one.server.id: one})
            await store.commit(step(before, after), term=term)
            await store.commit(closing(replace(after, version=2), 5), term=term)
        found = [await store.find(IncidentId(name)) for name in ("one", "two")]
        stages = [[one.stage for one in each.evacuations.values()] for each in found if each]
        assert stages == [[Stage.FAILED], [Stage.MOVED]]

    async def test_an_ended_incident_can_be_found_and_is_not_loaded(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(opening(), term=term)
        change = closing(head_of(opening()), 5)
        await store.commit(change, term=term)
        assert (await store.load()).incidents == ()
        assert await store.find(IncidentId("one")) == change.head

    async def test_incidents_are_loaded_in_the_order_of_their_opening(self, disk: Disk) -> None:
        store, term = await disk.store()
        for name in ("c", "a", "b"):
            await store.commit(opening(name, name), term=term)
        await store.commit(step(incident("c", "c"), incident("c", "c")), term=term)
        assert [one.id for one in (await store.load()).incidents] == ["c", "a", "b"]

    async def test_the_returns_of_hosts_are_loaded_in_their_order(self, disk: Disk) -> None:
        store, term = await disk.store()
        for number, name in enumerate(("cmp-1", "cmp-2", "cmp-1")):
            opened = replace(head_of(opening(f"i{number}", name, number)), phase=Phase.DOWN)
            await store.commit(Change(head=opened, entries=opened.timeline), term=term)
            ended = opened.move(Phase.RESOLVED, at(100 - number), "back")
            ended = replace(ended, release=Release(returns=1))
            await store.commit(step(opened, ended), term=term)
        closed = replace(head_of(opening("closed", "cmp-5", 3)), phase=Phase.DOWN)
        await store.commit(Change(head=closed, entries=closed.timeline), term=term)
        by_hand = closed.move(Phase.RESOLVED, at(90), "closed by an operator: no return")
        await store.commit(step(closed, by_hand), term=term)
        await store.commit(opening("open", "cmp-3"), term=term)
        await store.commit(opening("false", "cmp-4"), term=term)
        await store.commit(closing(head_of(opening("false", "cmp-4")), 5), term=term)
        again, _ = await disk.store()
        assert (await again.load()).returns == (
            (host("cmp-1"), at(98).wall_s),
            (host("cmp-2"), at(99).wall_s),
            (host("cmp-1"), at(100).wall_s),
        )

    async def test_headings_show_the_newest_first(self, disk: Disk) -> None:
        store, term = await disk.store()
        for number, name in enumerate(("cmp-1", "cmp-2", "cmp-3")):
            await store.commit(opening(f"i{number}", name, number), term=term)
        await store.commit(closing(head_of(opening("i0", "cmp-1", 0)), 50), term=term)
        await store.commit(opening("i3", "cmp-1", 60), term=term)
        assert [one.id for one in await store.headings(None, 3)] == ["i3", "i2", "i1"]
        assert await store.headings(host("cmp-1"), 10) == (
            Heading(IncidentId("i3"), host(), "suspected", at(60).wall_s, None, "i3 begins"),
            Heading(IncidentId("i0"), host(), "dismissed", at(0).wall_s, at(50).wall_s, "over"),
        )
        assert await store.headings(host("nobody"), 10) == ()
        assert await store.headings(None, 0) == ()

    async def test_the_switch_and_maintenance_are_replaced(self, disk: Disk) -> None:
        store, term = await disk.store()
        windows = [Maintenance(host(f"cmp-{n}"), "carol", "", at(n)) for n in range(3)]
        for window in windows:
            await store.commit(Change(armed=Armed(on=True), maintenance=window), term=term)
        later = replace(windows[0], until=at(99))
        await store.commit(Change(maintenance=later, maintenance_ended=host("cmp-1")), term=term)
        await store.commit(Change(armed=Armed(on=False, why="enough")), term=term)
        loaded = await store.load()
        assert loaded.maintenance == (later, windows[2])
        assert loaded.armed == Armed(on=False, why="enough")

    async def test_a_window_may_take_the_place_of_the_one_that_it_ends(self, disk: Disk) -> None:
        store, term = await disk.store()
        window = Maintenance(host(), "carol", "", at(5))
        await store.commit(Change(maintenance=window), term=term)
        later = replace(window, until=at(9))
        await store.commit(Change(maintenance=later, maintenance_ended=host()), term=term)
        assert (await store.load()).maintenance == (later,)

    async def test_charges_are_kept_until_they_are_replaced(self, disk: Disk) -> None:
        store, term = await disk.store()
        charges = tuple(Charge("one", n, "rack", at(n)) for n in (1, 2))
        await store.commit(Change(charges=charges[:1]), term=term)
        await store.commit(Change(charges=charges[1:]), term=term)
        assert (await store.load()).charges == charges
        anew = tuple(replace(charge, at=at(0, OTHER_BOOT)) for charge in charges)
        await store.replace_charges(anew, term=term)
        assert (await store.load()).charges == anew

    async def test_what_is_no_valid_unicode_does_not_keep_the_rest_from_being_saved(
        self, disk: Disk
    ) -> None:
        store, term = await disk.store()
        half = "\ud83d'\x00;--"
        change = Change(
            head=incident().note(at(0), half),
            entries=incident().note(at(0), half).timeline,
            notices=(replace(notice(1), body=half),),
            evidence=(replace(evidence(half, summary=half), fingerprint=half),),
        )
        await store.commit(change, term=term)
        await store.deliveries([Delivery(notice(1).id, "pending", 1, half)], term=term)
        loaded = await store.load()
        assert [len(found) for found in (loaded.incidents, loaded.pending)] == [1, 1]
        assert len(loaded.evidence) == 1
        assert (await store.headings(None, 1))[0].text == half

    async def test_many_commits_at_once_are_all_saved(self, disk: Disk) -> None:
        store, term = await disk.store()
        changes = [opening(f"i{n}", f"cmp-{n}") for n in range(200)]
        await asyncio.gather(*(store.commit(change, term=term) for change in changes))
        assert {one.id for one in (await store.load()).incidents} == {f"i{n}" for n in range(200)}

    async def test_of_many_commits_at_once_only_the_stale_one_fails(self, disk: Disk) -> None:
        store, term = await disk.store()
        changes = [opening(f"i{n}", f"cmp-{n % 19}") for n in range(20)]
        ends = await asyncio.gather(
            *(store.commit(change, term=term) for change in changes), return_exceptions=True
        )
        assert [type(end) for end in ends] == [*[type(None)] * 19, Conflict]
        assert len((await store.load()).incidents) == 19
