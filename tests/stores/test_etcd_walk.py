"""Whatever is done, the store in etcd answers as the one in memory, and the next daemon's too."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.ports import Change, Delivery, NoticeRow, Store, Wanted
from doctor_daemon.stores.etcd_options import EtcdConfig
from doctor_daemon.stores.memory import MemoryConfig, MemoryStore
from tests.stores.test_etcd import opened
from tests.stores.values import at, evidence, host, incident, notice, server, step

STEPS = 120
HOSTS = 4
CLOSED_MAX = 12
STATES = ("delivered", "delivered", "delivered", "dead", "pending")


class Walk:
    """What a daemon does to two stores at once, drawn by a seed."""

    def __init__(self, seed: int, stores: tuple[tuple[Store, int], ...]) -> None:
        self.rng = random.Random(seed)
        self.stores = stores
        self.now_s = 0.0
        self.open: dict[str, Incident] = {}
        self.ids: list[IncidentId] = []
        self.rows: list[NoticeRow] = []
        self.done: set[str] = set()
        self.last: dict[str, int] = {}

    async def commit(self, change: Change) -> None:
        for store, term in self.stores:
            await store.commit(change, term=term)

    def told(self, name: str, id_: str) -> tuple[NoticeRow, ...]:
        """Make some notices of one host."""
        made: list[NoticeRow] = []
        for _ in range(self.rng.randrange(3)):
            self.last[name] = self.last.get(name, 0) + 1
            row = notice(self.last[name], name, id_=id_)
            made.append(replace(row, made_at=at(self.now_s)))
        self.rows += made
        return tuple(made)

    async def step(self) -> None:
        """Begin an incident, go on with one, or end it."""
        name = f"cmp-{self.rng.randrange(HOSTS)}"
        before = self.open.get(name)
        said = (evidence(f"k{self.rng.randrange(40)}", self.now_s),)
        if before is None:
            id_ = f"i{len(self.ids)}"
            self.ids.append(IncidentId(id_))
            first = incident(id_, name, self.now_s).note(at(self.now_s), "it begins")
            change = Change(head=first, entries=first.timeline)
        elif self.rng.random() < 0.4:
            change = step(before, before.move(Phase.DISMISSED, at(self.now_s), "it is over"))
        else:
            one = server(f"s{self.rng.randrange(3)}", f"{self.now_s}")
            after = before.note(at(self.now_s), f"at {self.now_s}")
            returns = replace(after.release, returns=self.rng.randrange(2))
            servers = {**before.servers, one.id: one}
            change = step(before, replace(after, servers=servers, release=returns))
        head = change.head
        assert head is not None
        await self.commit(replace(change, notices=self.told(name, head.id), evidence=said))
        self.open[name] = head
        if head.phase.final:
            del self.open[name]

    async def deliver(self) -> None:
        """Tell some that were not told: what was is never taken back."""
        rows = [row for row in self.rows if row.id not in self.done]
        some = self.rng.sample(rows, min(len(rows), 9))
        batch = [Delivery(row.id, self.rng.choice(STATES), 1) for row in some]
        self.done |= {one.id for one in batch if one.state == "delivered"}
        for store, term in self.stores:
            await store.deliveries(batch, term=term)

    async def replay(self) -> None:
        ids = [row.id for row in self.rng.sample(self.rows, min(len(self.rows), 9))]
        first, other = [await store.replay(ids, term=term) for store, term in self.stores]
        assert first == other

    async def prune(self) -> None:
        for store, term in self.stores:
            await store.prune(term=term)

    async def go(self) -> None:
        acts = (
            self.step,
            self.step,
            self.step,
            self.deliver,
            self.deliver,
            self.replay,
            self.prune,
        )
        for _ in range(STEPS):
            self.now_s += self.rng.choice((1.0, 60.0, 4000.0))
            await self.rng.choice(acts)()

    async def answers(self, store: Store) -> list[object]:
        lists: list[object] = [await store.headings(None, 500)]
        lists.append(await store.headings(host("cmp-1"), 3))
        for wanted in (Wanted(), Wanted(state="delivered"), Wanted(state="dead")):
            lists += [await store.notices(wanted, 1000), await store.notices(wanted, 4)]
        wanted = Wanted(ids=frozenset(row.id for row in self.rows[::3]))
        found = [await store.find(id_) for id_ in self.ids]
        return [await store.load(), *lists, await store.notices(wanted, 1000), *found]


@pytest.mark.parametrize("seed", range(8))
async def test_both_answer_alike(config: EtcdConfig, seed: int) -> None:
    config = config.model_copy(update={"closed_max": CLOSED_MAX})
    memory = MemoryStore(MemoryConfig(closed_max=CLOSED_MAX))
    async with opened(config) as (store, term):
        walk = Walk(seed, ((memory, await memory.open()), (store, term)))
        await walk.go()
        expected = await walk.answers(memory)
        assert await walk.answers(store) == expected
    async with opened(config) as (store, _):
        assert await walk.answers(store) == expected
