"""One question a round: shared, begun after it was asked for, and no change ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.evacuation import Migration
from doctor_daemon.engine import rounds
from doctor_daemon.engine.rounds import OVERLAP_S, Rounds
from doctor_daemon.errors import Temporary
from tests.engine.instruments import ScriptedNova
from tests.simulation.virtual import EPOCH_S, VirtualClock, run

Story = Callable[["Bench"], Coroutine[Any, Any, None]]


class Changes(ScriptedNova):
    """A Nova whose answers a test gives: what is asked is kept, with the time it began."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.since: list[float] = []
        """From when each question wanted the changes, in seconds of the test."""
        self.began: list[float] = []
        self.answers: list[Sequence[Migration]] = []
        self.takes_s: list[float] = []

    async def changed_evacuations(self, since_wall_s: float) -> Sequence[Migration]:
        self.since.append(since_wall_s - EPOCH_S)
        self.began.append(asyncio.get_running_loop().time())
        rows = self.answers.pop(0) if self.answers else ()
        await asyncio.sleep(self.takes_s.pop(0) if self.takes_s else 0.5)
        if self.errors:
            raise self.errors.pop(0)
        return rows


class Bench:
    """The rounds of a daemon, asking at most every two seconds."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.nova = Changes(self.clock)
        self.rounds = Rounds(self.nova, self.clock, lambda: 2.0)


def story(told: Story) -> None:
    async def main() -> None:
        await told(Bench())

    run(main())


ONE = ("cmp-1", 1)


def row(id_: int, status: str = "accepted") -> Migration:
    return Migration(id_, "vm-1", "cmp-1", "", status)


def test_everybody_who_asks_meanwhile_is_answered_by_one_question() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.answers = [[row(1)]]
        answers = await asyncio.gather(*(bench.rounds.fresh() for _ in range(20)))
        assert bench.nova.began == [0.0]
        assert all(dict(answer) == {ONE: row(1)} for answer in answers)

    story(told)


def test_whoever_asks_while_nova_is_being_asked_waits_for_the_next_question() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.answers = [[row(1)], [row(1, "done")]]
        bench.nova.takes_s = [3.0, 0.5]
        first = asyncio.create_task(bench.rounds.fresh())
        await asyncio.sleep(1.0)
        later = await asyncio.gather(bench.rounds.fresh(), bench.rounds.fresh())
        assert bench.nova.began == pytest.approx([0.0, 2.0], abs=1e-3)  # at its pace
        assert [answer[ONE].status for answer in later] == ["done", "done"]
        assert not first.done()
        await first

    story(told)


def test_a_question_after_a_pause_is_asked_at_once() -> None:
    async def told(bench: Bench) -> None:
        await bench.rounds.fresh()
        await asyncio.sleep(60)
        await bench.rounds.fresh()
        assert bench.nova.began == pytest.approx([0.0, 60.5], abs=1e-3)

    story(told)


def test_each_question_reaches_back_beyond_the_last_that_was_answered() -> None:
    async def told(bench: Bench) -> None:
        await bench.rounds.fresh()
        await asyncio.sleep(99.5)
        bench.nova.errors = [Temporary("503"), Temporary("503")]
        for _ in range(2):
            with pytest.raises(Temporary):
                await bench.rounds.fresh()
        await bench.rounds.fresh()
        await bench.rounds.fresh()
        assert bench.nova.since == pytest.approx(
            [-OVERLAP_S, -OVERLAP_S, -OVERLAP_S, -OVERLAP_S, 104 - OVERLAP_S], abs=1e-3
        )

    story(told)


def test_what_was_seen_once_is_kept() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.answers = [[row(1, "done"), row(2)], [row(2, "failed"), row(3)]]
        await bench.rounds.fresh()
        rows = [row(1, "done"), row(2, "failed"), row(3)]
        assert list((await bench.rounds.fresh()).values()) == rows

    story(told)


def test_an_answer_that_was_overtaken_is_asked_for_again() -> None:
    """A slow first question ends after a quick second one: what it covers is asked once more."""

    async def told(bench: Bench) -> None:
        bench.nova.takes_s = [9.0, 0.5, 0.5]
        slow = asyncio.create_task(bench.rounds.fresh())
        await asyncio.sleep(1.0)
        await bench.rounds.fresh()
        await slow
        await bench.rounds.fresh()
        assert bench.nova.since[-1] == pytest.approx(-OVERLAP_S)

    story(told)


def test_a_failure_is_everybodys_and_the_next_question_is_free_of_it() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.errors = [Temporary("503")]
        both = await asyncio.gather(
            bench.rounds.fresh(), bench.rounds.fresh(), return_exceptions=True
        )
        assert [str(one) for one in both] == ["503", "503"]
        assert dict(await bench.rounds.fresh()) == {}

    story(told)


def test_whoever_gives_up_takes_the_question_from_nobody() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.answers = [[row(1)]]
        one, two = (asyncio.create_task(bench.rounds.fresh()) for _ in range(2))
        await asyncio.sleep(0.25)
        one.cancel()
        assert ONE in await two
        assert len(bench.nova.began) == 1

    story(told)


def test_a_failure_of_a_question_that_nobody_waits_for_any_more_is_no_bug() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.errors = [Temporary("503")]
        gone = asyncio.create_task(bench.rounds.fresh())
        await asyncio.sleep(0.25)
        gone.cancel()
        await asyncio.sleep(5)
        assert bench.nova.errors == []

    story(told)


def test_closing_asks_no_more() -> None:
    async def told(bench: Bench) -> None:
        bench.nova.takes_s = [50.0]
        first = asyncio.create_task(bench.rounds.fresh())
        await asyncio.sleep(0.25)
        second = asyncio.create_task(bench.rounds.fresh())
        await asyncio.sleep(0.25)
        bench.rounds.close()
        await asyncio.wait((first, second))
        assert first.cancelled()
        assert second.cancelled()
        assert len(bench.nova.began) == 1

    story(told)


def test_two_cells_may_number_their_evacuations_alike() -> None:
    async def told(bench: Bench) -> None:
        other = replace(row(7), source="cmp-2", server="vm-2")
        bench.nova.answers = [[row(7)], [other]]
        await bench.rounds.fresh()
        assert list((await bench.rounds.fresh()).values()) == [row(7), other]

    story(told)


def test_i20_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    async def told(bench: Bench) -> None:
        most = rounds.KEPT_MAX
        bench.nova.answers = [[row(id_) for id_ in range(1, most + 1)], [row(most + 2)]]
        assert len(await bench.rounds.fresh()) == most
        kept = [id_ for _, id_ in await bench.rounds.fresh()]
        assert (len(kept), min(kept), max(kept)) == (most, 2, most + 2)

    story(told)
