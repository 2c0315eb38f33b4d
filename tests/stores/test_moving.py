"""A state that is moved to a store of another kind is the same there, and goes on there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from doctor_daemon.core.incident import Incident, IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.ports import Change, Delivery, Store, Wanted
from doctor_daemon.ports.moving import Told
from doctor_daemon.stores.etcd_options import EtcdConfig
from tests.contracts.store_audit import whole
from tests.stores.etcd_cluster import Cluster
from tests.stores.movers import (
    CLOSED_MAX,
    Place,
    answers,
    exported,
    imported,
    of_etcd,
    of_sqlite,
    read,
    walked,
)
from tests.stores.test_etcd import keys
from tests.stores.values import (
    at,
    audit_line,
    closing,
    entries,
    head_of,
    host,
    notice,
    opening,
    server,
    step,
)

WAYS = [("sqlite", "etcd"), ("etcd", "sqlite"), ("sqlite", "sqlite"), ("etcd", "etcd")]
Make = Callable[[str], Place]


@pytest.fixture
def make(tmp_path: Path, config: EtcdConfig) -> Make:
    """Make a new place of a kind, where nothing is."""
    numbers = count(1)

    def made(kind: str) -> Place:
        number = next(numbers)
        if kind == "sqlite":
            return of_sqlite(tmp_path / f"{number}" / "state.sqlite3")
        own = {"prefix": f"{config.prefix}{number}/", "closed_max": CLOSED_MAX}
        return of_etcd(config.model_copy(update=own))

    return made


@asynccontextmanager
async def opened(*places: Place) -> AsyncIterator[list[tuple[Store, int]]]:
    """Open places as daemons do."""
    async with AsyncExitStack() as stack:
        found = []
        for place in places:
            store = place.store()
            stack.push_async_callback(store.close)
            found.append((store, await store.open()))
        yield found


def but_for_the_moment(file: Path) -> list[str]:
    """Return the lines of a file, without the two that tell when it was made."""
    _, *lines, _ = file.read_text(encoding="utf-8").splitlines()
    return [str(replace(read(file)[0], made_wall_s=0.0)), *lines]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "other"), WAYS)
async def test_i6_all_that_is_moved_is_the_same_there_and_back(
    make: Make, tmp_path: Path, kind: str, other: str, seed: int
) -> None:
    source, there, back = make(kind), make(other), make(kind)
    async with opened(source) as [(store, term)]:
        walk = await walked(store, term, seed)
        expected = await answers(walk, store)
    files = [tmp_path / name for name in ("source", "there", "back")]
    await exported(source, files[0])
    for place, to, file in ((there, files[0], files[1]), (back, files[1], files[2])):
        await imported(place, to)
        await exported(place, file)
        assert but_for_the_moment(file) == but_for_the_moment(files[0])
    async with opened(source, there, back) as found:
        for one, newer in found:
            assert newer > term
            assert await answers(walk, one) == expected


@pytest.mark.parametrize(("kind", "other"), WAYS[:2])
async def test_i6_what_was_moved_goes_on_as_it_would_have(
    make: Make, tmp_path: Path, kind: str, other: str
) -> None:
    source, there = make(kind), make(other)
    async with opened(source) as [(store, term)]:
        walk = await walked(store, term, 7)
    await imported(there, await exported(source, tmp_path / "file"))
    async with opened(source, there) as found:
        walk.stores = (found[0], found[1])
        await walk.go()
        await walk.commit(Change(audit=(audit_line(900, walk.now_s),)))
        expected = await answers(walk, found[0][0])
        assert await answers(walk, found[1][0]) == expected
        assert len(await whole(found[1][0], 100)) == 601
    async with opened(there) as [(store, _)]:
        assert await answers(walk, store) == expected


@pytest.mark.parametrize("kind", ["sqlite", "etcd"])
async def test_a_state_in_which_nothing_was_ever_saved_is_moved_too(
    make: Make, tmp_path: Path, kind: str
) -> None:
    source, there = make(kind), make(kind)
    async with opened(source):
        pass
    await imported(there, await exported(source, tmp_path / "file"))
    inventory, records = read(tmp_path / "file")
    assert (inventory.moment, inventory.incidents, len(records)) == (None, 0, 1)
    async with opened(source, there) as [(one, _), (other, term)]:
        assert await one.load() == await other.load()
        assert term == 2


async def test_what_was_pruned_from_the_audit_leaves_the_same_chain(
    make: Make, tmp_path: Path
) -> None:
    source, there, back = make("sqlite"), make("etcd"), make("sqlite")
    async with opened(source) as [(store, term)]:
        for number in range(1, 6):
            line = audit_line(number, number * 86_400.0)
            await store.commit(Change(audit=(line,)), term=term)
        await store.commit(opening("i", seconds=403.5 * 86_400.0), term=term)
        await store.prune(term=term)
        page = await store.audit(0, 10)
        assert [row.number for row in page.rows] == [4, 5]
    await imported(there, await exported(source, tmp_path / "source"))
    await imported(back, await exported(there, tmp_path / "there"))
    async with opened(there, back) as found:
        for one, newer in found:
            assert await one.audit(0, 10) == page
            await one.commit(Change(audit=(audit_line(6, 0.0),)), term=newer)
            assert [row.number for row in await whole(one)] == [4, 5, 6]


def large(id_: str, name: str, servers: int) -> Incident:
    """Return an incident that no value in etcd takes whole: nothing in it can be packed."""
    rng = Random(id_)
    made = head_of(opening(id_, name))
    of = {f"s{n}": replace(server(f"s{n}"), name=rng.randbytes(150).hex()) for n in range(servers)}
    return replace(made, servers={one.id: one for one in of.values()})


async def test_what_is_large_is_put_into_etcd_in_pieces(
    make: Make, tmp_path: Path, etcd: Cluster
) -> None:
    source, there, back = make("sqlite"), make("etcd"), make("sqlite")
    rng = Random(1)
    made = replace(large("large", "cmp-1", 9000), timeline=entries(500))
    rows = tuple(
        replace(notice(n, "cmp-2", id_="told"), body=rng.randbytes(100_000).hex())
        for n in range(1, 21)
    )
    async with opened(source) as [(store, term)]:
        parts = tuple(made.servers.values())
        change = Change(head=made, entries=made.timeline, servers=parts)
        await store.commit(change, term=term)
        told = opening("told", "cmp-2")
        await store.commit(replace(told, notices=rows), term=term)
        ends = [Delivery(row.id, "delivered", 1) for row in rows]
        await store.deliveries(ends, term=term)
        await store.commit(closing(head_of(told), 9), term=term)
        expected = await store.load(), await store.notices(Wanted(), 100)
    await imported(there, await exported(source, tmp_path / "source"))
    after = replace(made.note(at(600), "on it goes"), servers={})
    async with opened(there) as [(store, term)]:
        assert (await store.load(), await store.notices(Wanted(), 100)) == expected
        assert await store.find(IncidentId("told"))
        await store.commit(step(made, after), term=term)
    async with opened(there) as [(store, term)]:
        found = await store.find(made.id)
        assert found is not None
        assert (found.servers, len(found.timeline)) == ({}, 501)
    await imported(back, await exported(there, tmp_path / "there"))
    bodies = {one.notice.body for one in read(tmp_path / "there")[1] if isinstance(one, Told)}
    assert bodies == {row.body for row in rows}


async def test_what_is_over_and_told_is_put_where_a_start_does_not_read_it(
    tmp_path: Path, etcd: Cluster, config: EtcdConfig
) -> None:
    source, there = of_sqlite(tmp_path / "state.sqlite3"), of_etcd(config)
    async with opened(source) as [(store, term)]:
        for number in range(1, 41):
            name = f"cmp-{number % 4}"
            begun = opening(f"i{number}", name, number)
            told = notice(number, name, id_=f"i{number}")
            await store.commit(replace(begun, notices=(told,)), term=term)
            how = "dead" if number % 10 == 0 else "delivered"
            await store.deliveries([Delivery(told.id, how, 1)], term=term)
            after = replace(head_of(begun).note(at(number), "it is back"), version=2)
            back = replace(after, release=replace(after.release, returns=1))
            await store.commit(step(head_of(begun), back), term=term)
            ended = back.move(Phase.DISMISSED, at(number + 0.5), "over")
            await store.commit(step(back, ended), term=term)
        expected = await store.load(), await store.headings(None, 100)
        assert len(expected[0].returns) == 40
    await imported(there, await exported(source, tmp_path / "file"))
    assert (keys(etcd, config, "x"), keys(etcd, config, "i"), keys(etcd, config, "n")) == (36, 4, 4)
    async with opened(there) as [(store, _)]:
        assert (await store.load(), await store.headings(None, 100)) == expected
        assert await store.headings(host("cmp-1"), 100) != ()
