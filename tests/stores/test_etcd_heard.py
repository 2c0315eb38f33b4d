"""B10: what becomes of each change that whoever stands by hears of, and how he finds a missing."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.etcd_mirror import BREATHER, Mirror
from doctor_daemon.stores.etcd_values import WORD
from doctor_daemon.stores.etcd_watch import Gap, Heard, Put
from tests.stores.etcd_teller import Teller
from tests.stores.test_etcd_read import ended, played
from tests.stores.values import opening

ONE = IncidentId("one")


async def followed(teller: Teller, seconds: float = 0.1) -> Mirror:
    """Return what follows, once it knows all that is there."""
    mirror = teller.mirror()
    mirror.start()
    await asyncio.sleep(seconds)
    return mirror


def mark(version: int, revision: int) -> Heard:
    return Heard("mark", revision, Put(b'{"value":{"id":"a"},"boots":[]}', version))


def row(key: str, revision: int) -> Heard:
    return Heard(key, revision, Put(b"1", 1))


@pytest.mark.parametrize(
    "some",
    [
        [row("l/0000000000000001", 5)],
        [Heard("l/0000000000000001", 5, None)],
        [Heard("mark", 5, None)],
        [mark(2, 5)],
        [mark(1, 5), row("i/one", 6), mark(2, 6), row("s/1", 7)],
        [mark(1, 5), mark(3, 6)],
        [mark(1, 5), mark(1, 6)],
    ],
    ids=["unmarked", "dropped", "no-mark", "first", "last", "missing", "again"],
)
def test_a_change_without_the_next_mark_is_a_gap(some: list[Heard]) -> None:
    with pytest.raises(Gap, match="a change was missed"):
        Teller().mirror().take(some)


@pytest.mark.parametrize("key", ["leader", "term", "schema", WORD, "daemons/one"])
def test_who_leads_and_stands_by_is_written_without_a_mark(key: str) -> None:
    mirror = Teller().mirror()
    mirror.take([Heard(key, 5, Put(b"2", 1))])
    mirror.take([Heard(key, 6, None)])
    with pytest.raises(Gap):
        mirror.take([row("rest", 7)])


def test_a_mark_that_is_dropped_and_written_at_once_is_the_next_one() -> None:
    mirror = Teller().mirror()
    mirror.take([Heard("mark", 5, None), mark(1, 5)])
    mirror.take([mark(2, 6)])


def test_the_leader_is_gone_when_his_key_is_dropped_and_at_no_other_change() -> None:
    mirror, gone = Teller().mirror(), list[str]()
    mirror.gone = lambda: gone.append("gone")
    mirror.take([Heard("leader", 5, Put(b"2", 1)), Heard("daemons/one", 5, None)])
    mirror.take([Heard("returns", 6, None), mark(1, 6)])
    assert gone == []
    mirror.take([Heard("leader", 7, None)])
    assert gone == ["gone"]


def test_what_is_heard_is_put_together_anew_only_where_it_says_something_of_the_state() -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("one"))
        mirror = await followed(teller)
        known = await mirror.loaded()
        teller.write({"leader": b"2", "daemons/one": b"1", WORD: b"1"})
        teller.write({"daemons/one": b"2"})
        teller.write({"leader": None})
        await asyncio.sleep(0.1)
        assert await mirror.loaded() is known
        teller.commit(opening("two", "cmp-2"))
        await asyncio.sleep(0.1)
        found = await mirror.loaded()
        assert found.contents.snapshot() == teller.held.contents.snapshot()
        assert mirror.reads == 1
        await mirror.stop()

    played(story)


def test_what_is_heard_while_it_is_put_together_is_known_the_next_time() -> None:
    async def story() -> None:
        teller = Teller()
        for number in range(BREATHER):
            teller.commit(opening(f"i{number}", f"cmp-{number}"))
        mirror = await followed(teller)
        loading = asyncio.create_task(mirror.loaded())
        await asyncio.sleep(0)
        teller.commit(opening("late", "late"))
        for found, expected in ((await loading, BREATHER), (await mirror.loaded(), BREATHER + 1)):
            assert len(found.contents.snapshot().incidents) == expected
        await mirror.stop()

    played(story)


def test_what_is_over_is_dropped_and_written_as_it_is_heard() -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("open", "open"), {"x/one": ended("one"), "x/two": ended("two")})
        mirror = await followed(teller)
        past = mirror.past
        assert past is not None
        assert {one.short.id for one in past.all()} == {"one", "two"}
        teller.commit(
            opening("more", "more"),
            {"x/one": None, "x/two": ended("two"), "x/new": ended("new"), "x/bad": b"no short"},
        )
        await asyncio.sleep(0.1)
        assert {one.short.id for one in past.all()} == {"two", "new"}
        assert (await mirror.loaded()).past is past
        assert (mirror.reads, mirror.trouble) == (1, "")
        await mirror.stop()

    played(story)


def test_what_changes_while_what_is_over_is_read_counts_more_than_what_is_read() -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("open", "open"), {"x/one": ended("one"), "x/two": ended("two")})
        teller.holding = [asyncio.Event()]
        holding = teller.holding[0]
        mirror = await followed(teller)
        assert (mirror.past, mirror.whole) == (None, False)
        teller.commit(opening("more", "more"), {"x/one": None, "x/new": ended("new")})
        await asyncio.sleep(0.1)
        assert mirror.past is None
        holding.set()
        await asyncio.sleep(0.1)
        assert mirror.past is not None
        assert {one.short.id for one in mirror.past.all()} == {"two", "new"}
        assert mirror.whole
        await mirror.stop()

    played(story)


def test_a_value_that_cannot_be_read_is_said_and_nothing_can_be_taken_over() -> None:
    async def story() -> None:
        teller = Teller()
        teller.commit(opening("one"), {"returns": b"rubbish"})
        mirror = await followed(teller)
        assert (mirror.whole, mirror.trouble) == (False, "")
        assert mirror.lacking.startswith("etcd: returns: ")
        assert mirror.past is not None
        with pytest.raises(Permanent):
            await mirror.loaded()
        teller.commit(opening("two", "cmp-2"), {"returns": None})
        await asyncio.sleep(0.1)
        assert (mirror.whole, mirror.lacking) == (True, "")
        await mirror.stop()

    played(story)


def test_everybody_else_has_his_turn_while_much_is_read_and_put_together() -> None:
    async def story() -> None:
        teller, turns = Teller(), 0
        for number in range(2 * BREATHER):  # a head and a part each
            teller.commit(opening(f"i{number}", f"cmp-{number}"))

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        known = asyncio.Event()
        mirror = teller.mirror()
        mirror.told = lambda: known.set() if mirror.whole else None
        running = asyncio.create_task(others())
        mirror.start()
        await known.wait()
        read = turns
        await mirror.loaded()
        built = turns - read
        running.cancel()
        assert 4 <= read <= 20
        assert 4 <= built <= 20
        await mirror.stop()

    played(story)


def test_nothing_is_known_before_anything_is_read() -> None:
    async def story() -> None:
        mirror = Teller().mirror()
        assert (mirror.whole, mirror.past, mirror.lacking) == (False, None, "")
        with pytest.raises(Temporary, match="what is there has not been read yet"):
            await mirror.loaded()
        await mirror.stop()

    played(story)
