"""Fair turns: the limit is kept, hosts take turns, and nobody who gives up keeps a turn."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.engine.turnstile import Turnstile


class Gate:
    """Callers at a turnstile, and who is inside."""

    def __init__(self, limit: int) -> None:
        self.turnstile = Turnstile(limit)
        self.inside: list[str] = []
        self.entered: list[str] = []
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, name: str) -> asyncio.Task[None]:
        """Come as `host-number`, and go in when it is one's turn."""
        self._leave[name] = asyncio.Event()
        task = asyncio.create_task(self._pass(name))
        await quiet()
        return task

    async def _pass(self, name: str) -> None:
        async with self.turnstile.turn(name[0]):
            self.inside.append(name)
            self.entered.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def go(self, *names: str) -> None:
        """Let some leave, one after the other."""
        for name in names:
            self._leave[name].set()
            await quiet()


async def quiet() -> None:
    """Let everybody do what can be done."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_so_many_are_let_in_at_a_time() -> None:
    gate = Gate(2)
    tasks = [await gate.come(name) for name in ("a1", "a2", "a3", "a4")]
    assert gate.inside == ["a1", "a2"]
    await gate.go("a2")
    assert gate.inside == ["a1", "a3"]
    await gate.go("a1", "a3")
    assert gate.inside == ["a4"]
    await gate.go("a4")
    await asyncio.gather(*tasks)
    tasks = [await gate.come(name) for name in ("a5", "a6", "a7")]
    assert gate.inside == ["a5", "a6"]  # every turn was given back
    await gate.go("a5", "a6", "a7")
    await asyncio.gather(*tasks)


async def test_c12_hosts_take_turns_and_each_keeps_its_order() -> None:
    gate = Gate(1)
    names = ["a1", "a2", "a3", "b1", "b2", "c1"]
    tasks = [await gate.come(name) for name in names]
    for _ in names:
        (inside,) = gate.inside
        await gate.go(inside)
    assert gate.entered == ["a1", "a2", "b1", "c1", "a3", "b2"]
    await asyncio.gather(*tasks)


async def test_who_gives_up_while_waiting_takes_no_turn() -> None:
    gate = Gate(1)
    first, second, third = [await gate.come(name) for name in ("a1", "a2", "b1")]
    second.cancel()
    await quiet()
    await gate.go("a1")
    assert gate.inside == ["b1"]
    await gate.go("b1")
    assert second.cancelled()
    await asyncio.gather(first, third)
    last = await gate.come("c1")
    assert gate.inside == ["c1"]
    await gate.go("c1")
    await last


async def test_when_all_who_wait_give_up_the_turn_is_kept_for_whoever_comes() -> None:
    gate = Gate(1)
    tasks = [await gate.come(name) for name in ("a1", "a2", "b1")]
    for task in tasks[1:]:
        task.cancel()
    await quiet()
    await gate.go("a1")
    assert gate.inside == []
    last = await gate.come("d1")
    assert gate.inside == ["d1"]
    await gate.go("d1")
    await last


async def test_who_is_let_in_at_the_moment_of_giving_up_hands_the_turn_on() -> None:
    gate = Gate(1)
    first, second, third = [await gate.come(name) for name in ("a1", "a2", "a3")]
    gate._leave["a1"].set()  # noqa: SLF001 - without a pause: both at one moment
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    await quiet()
    assert gate.entered in (["a1", "a3"], ["a1", "a2", "a3"])
    assert gate.inside == ["a3"]
    await gate.go("a3")
    await asyncio.gather(first, third)


@pytest.mark.parametrize("steps", range(6))
async def test_at_whatever_moment_one_gives_up_no_turn_is_lost(steps: int) -> None:
    gate = Gate(1)
    first, second = [await gate.come(name) for name in ("a1", "b1")]
    gate._leave["a1"].set()  # noqa: SLF001 - without a pause
    for _ in range(steps):
        await asyncio.sleep(0)
    second.cancel()
    await quiet()
    await first
    last = await gate.come("c1")
    assert gate.inside == ["c1"]
    await gate.go("c1")
    await last


async def test_who_fails_inside_gives_the_turn_back() -> None:
    turnstile = Turnstile(1)
    for _ in range(2):
        with pytest.raises(KeyError):
            async with turnstile.turn("a"):
                raise KeyError
