"""The token in use: single flight, renewal before its end, and no hammering of Keystone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from doctor_daemon.controllers.keystone import Grant
from doctor_daemon.controllers.tokens import OUTAGE_S, REFUSAL_S, THREADS_MAX, Tokens
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from tests.controllers.rigs import FastClock

DOWN = Temporary("Keystone is down")


class Source:
    """A Keystone that blocks, fails and counts as it is told."""

    def __init__(self, lifetime_s: float = 3600.0) -> None:
        self.lifetime_s = lifetime_s
        self.asked = 0
        self.error: Exception | None = None
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> Grant:
        self.asked += 1
        number = self.asked
        assert self.open.wait(20)
        if self.error is not None:
            raise self.error
        return Grant({"X-Auth-Token": f"token-{number}"}, "http://nova", self.lifetime_s)


@asynccontextmanager
async def _tokens(
    source: Callable[[], Grant], clock: FastClock, deadline_s: float = 10.0
) -> AsyncIterator[Tokens]:
    tokens = Tokens(source, clock, deadline_s)
    try:
        yield tokens
    finally:
        await tokens.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - threads have no event of the loop's
            await asyncio.sleep(0.002)


async def _settle() -> None:
    """Let a loop that wants to do something do it."""
    await asyncio.sleep(0.05)


async def test_a_live_token_is_returned_without_keystone() -> None:
    source, clock = Source(), FastClock()
    async with _tokens(source, clock) as tokens:
        first = await tokens.current()
        source.open.clear()
        clock.advance(3500)
        assert await tokens.current() is first
        assert source.asked == 1
        source.open.set()


async def test_all_who_wait_share_one_fetch() -> None:
    source, clock = Source(), FastClock()
    source.open.clear()
    async with _tokens(source, clock) as tokens:
        waiting = [asyncio.create_task(tokens.current()) for _ in range(20)]
        await _until(lambda: source.asked == 1)
        source.open.set()
        got = await asyncio.gather(*waiting)
        assert {token.number for token in got} == {1}
        assert source.asked == 1


async def test_one_who_gives_up_takes_nobody_along() -> None:
    source, clock = Source(), FastClock()
    source.open.clear()
    async with _tokens(source, clock) as tokens:
        hasty = asyncio.create_task(tokens.current())
        patient = asyncio.create_task(tokens.current())
        await _until(lambda: source.asked == 1)
        hasty.cancel()
        with suppress(asyncio.CancelledError):
            await hasty
        source.open.set()
        assert (await patient).number == 1


async def test_a_dead_token_is_replaced() -> None:
    source, clock = Source(lifetime_s=60), FastClock()
    async with _tokens(source, clock) as tokens:
        await tokens.current()
        clock.advance(61)
        assert (await tokens.current()).number == 2


async def test_its_life_is_counted_from_before_it_was_asked_for() -> None:
    source, clock = Source(lifetime_s=60), FastClock()
    source.open.clear()
    async with _tokens(source, clock) as tokens:
        waiting = asyncio.create_task(tokens.current())
        await _until(lambda: source.asked == 1)
        clock.advance(59)
        source.open.set()
        await waiting
        clock.advance(2)
        source.open.set()
        assert (await tokens.current()).number == 2


@pytest.mark.parametrize("step_s", [-864_000.0, 864_000.0])
async def test_a_step_of_the_wall_clock_changes_nothing(step_s: float) -> None:
    source, clock = Source(), FastClock()
    async with _tokens(source, clock) as tokens:
        running = asyncio.create_task(tokens.run())
        first = await tokens.current()
        clock.wall_step_s = step_s
        clock.advance(1)
        await _settle()
        assert await tokens.current() is first
        assert source.asked == 1
        running.cancel()


@pytest.mark.parametrize(
    ("lifetime_s", "renewed_after_s"),
    [(86_400.0, 77_760.0), (600.0, 480.0), (60.0, 30.0)],
    ids=["a tenth before", "two minutes before", "a short one at half its life"],
)
async def test_it_is_renewed_before_its_end(lifetime_s: float, renewed_after_s: float) -> None:
    source, clock = Source(lifetime_s), FastClock()
    async with _tokens(source, clock) as tokens:
        running = asyncio.create_task(tokens.run())
        await _until(lambda: source.asked == 1)
        await _settle()
        clock.advance(renewed_after_s - 5)
        await _settle()
        assert source.asked == 1
        clock.advance(6)
        await _until(lambda: source.asked == 2)
        running.cancel()


async def test_the_old_one_serves_while_renewal_hangs_or_fails() -> None:
    source, clock = Source(), FastClock()
    async with _tokens(source, clock) as tokens:
        running = asyncio.create_task(tokens.run())
        first = await tokens.current()
        source.open.clear()
        clock.advance(3300)
        await _until(lambda: source.asked == 2)
        assert await asyncio.wait_for(tokens.current(), 0.05) is first
        source.error = DOWN
        source.open.set()
        await _settle()
        clock.advance(OUTAGE_S[0] + 0.1)
        await _until(lambda: source.asked == 3)  # tried again after a pause
        assert await tokens.current() is first
        source.error = None
        await _settle()
        clock.advance(OUTAGE_S[1])
        await _until(lambda: source.asked >= 4)
        await _settle()
        assert (await tokens.current()).number == 2
        running.cancel()


async def test_an_outage_is_answered_at_once_until_the_pause_is_over() -> None:
    source, clock = Source(), FastClock()
    source.error = DOWN
    async with _tokens(source, clock) as tokens:
        for pause_s in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
            asked = source.asked
            with pytest.raises(Temporary):
                await tokens.current()
            assert source.asked == asked + 1
            clock.advance(pause_s - 0.5)
            with pytest.raises(Temporary, match="not asked again for"):
                await tokens.current()
            assert source.asked == asked + 1
            clock.advance(1)
        source.error = None
        assert (await tokens.current()).number == 1


async def test_a_refusal_is_not_repeated_soon() -> None:
    source, clock = Source(), FastClock()
    source.error = Permanent("wrong password")
    async with _tokens(source, clock) as tokens:
        with pytest.raises(Permanent):
            await tokens.current()
        clock.advance(REFUSAL_S[0] - 1)
        with pytest.raises(Permanent, match="wrong password"):
            await tokens.current()
        assert source.asked == 1


async def test_a_thread_that_hangs_is_abandoned_and_their_number_bounded() -> None:
    source, clock = Source(), FastClock()
    source.open.clear()
    async with _tokens(source, clock, deadline_s=0.02) as tokens:
        for _ in range(THREADS_MAX):
            with pytest.raises(Temporary, match="no token within"):
                await tokens.current()
            clock.advance(OUTAGE_S[1])
        with pytest.raises(Temporary, match="3 requests to Keystone hang"):
            await tokens.current()
        assert source.asked == THREADS_MAX
        source.open.set()
        clock.advance(OUTAGE_S[1])
        await _until(lambda: threading.active_count() < THREADS_MAX + 1)
        clock.advance(OUTAGE_S[1])
        assert (await tokens.current()).number == 1


async def test_a_401_fetches_one_token_for_all() -> None:
    source, clock = Source(), FastClock()
    async with _tokens(source, clock) as tokens:
        used = await tokens.current()
        fresh = await asyncio.gather(*(tokens.instead_of(used) for _ in range(10)))
        assert {token.number for token in fresh} == {2}
        assert (await tokens.instead_of(used)).number == 2
        assert source.asked == 2


async def test_a_fresh_token_that_is_refused_too_is_not_followed_by_a_third() -> None:
    source, clock = Source(), FastClock()
    async with _tokens(source, clock) as tokens:
        fresh = await tokens.instead_of(await tokens.current())
        assert "right Nova" in str(tokens.refused(fresh, "401 no"))
        for _ in range(5):
            assert await tokens.current() is fresh
            with pytest.raises(Permanent, match="Nova refuses a token"):
                await tokens.instead_of(fresh)
        assert source.asked == 2
        clock.advance(REFUSAL_S[0] + 1)
        third = await tokens.instead_of(fresh)
        tokens.refused(third, "401 no")
        clock.advance(REFUSAL_S[0] + 1)
        with pytest.raises(Permanent):  # the pause has doubled
            await tokens.instead_of(third)
        tokens.accepted()
        assert (await tokens.instead_of(third)).number == 4


async def test_a_failed_fetch_that_nobody_awaits_disturbs_nobody() -> None:
    source, clock = Source(), FastClock()
    source.open.clear()
    source.error = DOWN
    async with _tokens(source, clock) as tokens:
        waiting = asyncio.create_task(tokens.current())
        await _until(lambda: source.asked == 1)
        waiting.cancel()
        source.open.set()
        await _settle()
        with pytest.raises(DoctorError):
            await tokens.current()


async def test_a_token_that_comes_after_the_loop_has_ended_is_dropped() -> None:
    source, clock = Source(), FastClock()
    source.open.clear()
    tokens = Tokens(source, clock, 10.0)
    waiting = asyncio.create_task(tokens.current())
    await _until(lambda: source.asked == 1)
    await tokens.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    source.open.set()
    await _until(lambda: all(thread.name != "keystone" for thread in threading.enumerate()))
