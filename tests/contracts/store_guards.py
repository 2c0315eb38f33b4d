"""The contract of stores: who may write, on what state, and how much at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed, Charge, Maintenance
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Conflict
from doctor_daemon.ports import Change, Delivery, Snapshot
from tests.contracts.store_disk import Disk, first
from tests.stores.values import (
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
)


class Guards:
    """Who may write, and on what state."""

    async def test_each_opening_takes_the_next_term(self, disk: Disk) -> None:
        terms = [(await disk.store())[1] for _ in range(3)]
        assert terms == [1, 2, 3]

    @pytest.mark.parametrize(
        "write", ["commit", "deliveries", "replace_charges", "replay", "prune"]
    )
    @pytest.mark.parametrize("off", [-1, 1])
    async def test_a_term_that_is_not_the_newest_writes_nothing(
        self, disk: Disk, write: str, off: int
    ) -> None:
        await disk.store()
        store, term = await disk.store()
        await store.commit(first("before"), term=term)
        before = await store.load()
        writes: dict[str, Callable[[int], Awaitable[object]]] = {
            "commit": lambda term: store.commit(Change(armed=Armed()), term=term),
            "deliveries": lambda term: store.deliveries(
                [Delivery(notice(1).id, "delivered", 1)], term=term
            ),
            "replace_charges": lambda term: store.replace_charges((), term=term),
            "replay": lambda term: store.replay([notice(1).id], term=term),
            "prune": lambda term: store.prune(term=term),
        }
        with pytest.raises(Conflict, match=f"term {term + off} is over"):
            await writes[write](term + off)
        assert await store.load() == before

    async def test_the_old_leader_is_refused_once_a_new_one_has_opened(self, disk: Disk) -> None:
        old, term = await disk.store()
        await old.commit(opening(), term=term)
        new, newer = await disk.store()
        with pytest.raises(Conflict):
            await old.commit(Change(armed=Armed(on=True)), term=term)
        assert (await new.load()).armed == Armed()
        await new.commit(Change(armed=Armed(on=True)), term=newer)

    @pytest.mark.parametrize("version", [0, 1, 3])
    async def test_a_version_that_is_not_the_next_is_refused(
        self, disk: Disk, version: int
    ) -> None:
        store, term = await disk.store()
        await store.commit(opening(), term=term)
        with pytest.raises(Conflict):
            await store.commit(Change(head=replace(incident(), version=version)), term=term)
        await store.commit(Change(head=replace(incident(), version=2)), term=term)

    @pytest.mark.parametrize("version", [0, 2])
    async def test_a_new_incident_has_version_one(self, disk: Disk, version: int) -> None:
        store, term = await disk.store()
        with pytest.raises(Conflict):
            await store.commit(Change(head=replace(incident(), version=version)), term=term)
        assert await store.load() == Snapshot()

    async def test_a_host_has_one_open_incident(self, disk: Disk) -> None:
        store, term = await disk.store()
        await store.commit(opening("one"), term=term)
        with pytest.raises(Conflict):
            await store.commit(opening("two"), term=term)
        await store.commit(opening("other", "cmp-2"), term=term)
        await store.commit(closing(head_of(opening("one")), 5), term=term)
        await store.commit(opening("two"), term=term)
        assert [one.id for one in (await store.load()).incidents] == ["other", "two"]

    @pytest.mark.parametrize(
        "bad",
        [
            Change(head=replace(incident(), version=7)),
            Change(head=incident("two")),
            Change(head=replace(incident(), version=2), entries=rich().timeline),
            Change(charges=(Charge("one", 1, "rack", at(9)),)),
            Change(charges=(Charge("one", 2, "", at(9)), Charge("one", 2, "", at(9)))),
            Change(notices=(notice(3), notice(3))),
            Change(notices=(replace(notice(1), sequence=3),)),
            Change(notices=(replace(notice(2), id="another"),)),
        ],
        ids=[
            "version",
            "open",
            "entry",
            "charge",
            "charge-twice",
            "notice-twice",
            "notice-id",
            "sequence",
        ],
    )
    async def test_a_change_is_written_whole_or_not_at_all(self, disk: Disk, bad: Change) -> None:
        store, term = await disk.store()
        await store.commit(first("before"), term=term)
        before = await store.load(), await store.find(IncidentId("one"))
        extra = replace(
            bad,
            head=bad.head or replace(rich(), version=2),
            servers=(server("s9"),),
            servers_gone=("s1",),
            evacuations=(evacuation("s1", Stage.MOVED), evacuation("s9")),
            evidence=(evidence("k9"),),
            charges=(Charge("one", 9, "rack", at(9)), *bad.charges),
            notices=(notice(9), *bad.notices),
            armed=Armed(),
            maintenance=Maintenance(host("cmp-8"), "after", "", at(9)),
            maintenance_ended=host("cmp-9"),
        )
        with pytest.raises(Conflict):
            await store.commit(extra, term=term)
        assert (await store.load(), await store.find(IncidentId("one"))) == before

    @pytest.mark.parametrize(
        "mistake",
        [
            Change(entries=rich().timeline),
            Change(servers=(server("s1"),)),
            Change(servers_gone=("s1",)),
            Change(evacuations=(evacuation("s1"),)),
            Change(evidence=(evidence("k1", summary="é" * 8193),)),
        ],
        ids=["entries", "servers", "gone", "evacuations", "summary"],
    )
    async def test_what_no_step_can_mean_is_a_bug(self, disk: Disk, mistake: Change) -> None:
        store, term = await disk.store()
        with pytest.raises(ValueError, match=r"no head|bytes"):
            await store.commit(replace(mistake, armed=Armed(on=True)), term=term)
        assert await store.load() == Snapshot()
        await store.commit(Change(evidence=(evidence("k1", summary="é" * 8192),)), term=term)
