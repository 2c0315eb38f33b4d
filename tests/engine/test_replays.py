"""What was signed once counts once, whatever the clock does."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.engine import replays
from doctor_daemon.engine.replays import SPENT_MAX, Ledger
from doctor_daemon.errors import Temporary
from doctor_daemon.ports.replays import Floor, Spending, Spent
from tests.engine.moving import virtually
from tests.engine.rig import Rig

WINDOW_S = 120.0


async def begin() -> tuple[Rig, Ledger]:
    """Return a bench whose store is open, and the ledger of a daemon that leads."""
    rig = Rig()
    engine = rig.engine()
    engine.ward.term = await rig.disk.open()
    return rig, engine.desk.replays


def signed(rig: Rig, nonce: str, off_s: float = 0, source: str = "am") -> Spent:
    return Spent(source, nonce, int(rig.clock.now().wall_s + off_s))


@virtually
async def test_e2_two_at_once_are_one() -> None:
    rig, ledger = await begin()
    rig.disk.commit_s = 1.0
    one = signed(rig, "a")
    found = await asyncio.gather(ledger.spend(one, WINDOW_S), ledger.spend(one, WINDOW_S))
    assert sorted(one.name for one in found) == ["FIRST", "REPLAYED"]


@virtually
async def test_sources_do_not_share_what_they_spend() -> None:
    rig, ledger = await begin()
    for source in ("am", "zabbix"):
        spent = signed(rig, "a", source=source)
        assert await ledger.spend(spent, WINDOW_S) is Spending.FIRST


@virtually
async def test_e2_what_is_too_old_is_forgotten_and_known_by_the_floor() -> None:
    rig, ledger = await begin()
    old = signed(rig, "a")
    assert await ledger.spend(old, WINDOW_S) is Spending.FIRST
    await asyncio.sleep(WINDOW_S + 30)
    new = signed(rig, "b")
    assert await ledger.spend(new, WINDOW_S) is Spending.FIRST
    kept = await rig.disk.load()
    assert (kept.spent, kept.floors) == ((new,), (Floor("am", old.signed_s),))


@virtually
async def test_e2_a_clock_that_is_stepped_back_brings_nothing_back() -> None:
    rig, ledger = await begin()
    old = signed(rig, "a")
    await ledger.spend(old, WINDOW_S)
    await asyncio.sleep(WINDOW_S + 30)
    await ledger.spend(signed(rig, "b"), WINDOW_S)
    rig.clock.wall_offset_s -= WINDOW_S
    assert await ledger.spend(old, WINDOW_S) is Spending.STALE
    assert await ledger.spend(signed(rig, "c"), WINDOW_S) is Spending.FIRST
    after = rig.engine().desk.replays
    kept = await rig.disk.load()
    after.load(kept.spent, kept.floors)
    assert await after.spend(old, WINDOW_S) is Spending.STALE


@virtually
async def test_a_wrong_clock_is_told() -> None:
    rig, ledger = await begin()
    assert await ledger.spend(signed(rig, "a", -3600), WINDOW_S) is Spending.STALE
    assert await ledger.spend(signed(rig, "a", 900, "zabbix"), WINDOW_S) is Spending.STALE
    first, second = ledger.remarks()
    assert first.startswith("the last request of am ")
    assert first.endswith(" was signed 3600 s ago by our clock")
    assert second.endswith("was signed 900 s ahead by our clock")
    await asyncio.sleep(replays.REMEMBERED_S + 1)
    assert ledger.remarks() == ()


@virtually
async def test_i20_so_many_are_remembered_and_none_is_let_in_unremembered() -> None:
    rig, ledger = await begin()
    now_s = int(rig.clock.now().wall_s)
    ledger.load([Spent("am", str(number), now_s) for number in range(SPENT_MAX)], [])
    with pytest.raises(Temporary, match="50000 signed requests are remembered"):
        await ledger.spend(signed(rig, "a"), WINDOW_S)
    assert await ledger.spend(signed(rig, "a", source="zabbix"), WINDOW_S) is Spending.FIRST


@virtually
async def test_a_store_that_takes_too_long_is_told_and_the_request_is_spent() -> None:
    rig, ledger = await begin()
    rig.disk.commit_s = 60.0
    one = signed(rig, "a")
    with pytest.raises(Temporary, match="not durable after 5 s"):
        await ledger.spend(one, WINDOW_S)
    assert await ledger.spend(one, WINDOW_S) is Spending.REPLAYED
