"""One that stands by, and one that leads and is told by another that stands by."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.engine.standing_by import StandBy
from doctor_daemon.engine.ward import Ward
from doctor_daemon.errors import Conflict, Permanent
from doctor_daemon.ports import Change
from doctor_daemon.ports.leading import Forbidden, Role, Standing
from tests.engine.rig import Rig, SlowDisk

WORD = Forbidden("ben", "the rack is wet", "word-1")
ON = Armed(on=True, by="ann", why="in production")


class Shared(SlowDisk):
    """A store that several daemons share, its leadership, and what is said to who leads."""

    def __init__(self) -> None:
        super().__init__()
        self.leadership = self.words = self
        self.leader = "b"
        self.ready: tuple[str, ...] = ("c",)
        self.spoken: list[Forbidden] = []
        """What `forbidden` returns, one after the other; then it waits."""
        self.heard: list[Forbidden] = []
        self.dropped = asyncio.Event()
        self.forbade: list[tuple[str, str]] = []
        self.opens = asyncio.Event()
        self.ward: Ward | None = None
        self.switches: list[Armed] = []
        """What is in force after each save."""
        self.saved: list[Armed | None] = []

    async def open(self) -> int:
        await self.opens.wait()
        return 7

    async def commit(self, change: Change, *, term: int) -> None:
        self.saved.append(change.armed)
        if self.ward is not None and self.switches:
            self.ward.armed = self.switches.pop(0)

    def standing(self) -> Standing:
        return Standing(Role.STANDING_BY, "a", self.leader, self.ready)

    async def over(self) -> str:
        return "b leads"

    async def forbid(self, by: str, why: str) -> None:
        self.forbade.append((by, why))

    async def forbidden(self) -> Forbidden:
        if not self.spoken:
            await asyncio.Event().wait()
        return self.spoken.pop(0)

    async def heeded(self, word: Forbidden) -> None:
        self.heard.append(word)
        self.dropped.set()


class Bench:
    """A ward that shares its store."""

    def __init__(self) -> None:
        self.disk = Shared()
        self.ward = self.disk.ward = Rig(disk=self.disk).engine().ward
        self.standby = StandBy(self.ward)

    async def heeding(self) -> None:
        """Heed what is said, until a word is dropped."""
        task = asyncio.create_task(self.standby.heed())
        async with asyncio.timeout(10):
            await self.disk.dropped.wait()
        task.cancel()
        await asyncio.wait((task,))


def alone() -> tuple[Ward, StandBy]:
    ward = Rig().engine().ward
    return ward, StandBy(ward)


async def failing() -> None:
    raise Permanent("the listener's port is taken")


async def test_one_that_is_alone_runs_nothing_beside_its_opening() -> None:
    ward, standby = alone()
    assert await standby.opened([failing], asyncio.Event())
    assert ward.term == 1


async def test_what_ends_a_loop_of_one_that_stands_by_ends_it() -> None:
    with pytest.raises(Permanent, match="the listener's port is taken"):
        await Bench().standby.opened([failing], asyncio.Event())


async def test_one_that_is_stopped_before_it_leads_has_no_term() -> None:
    bench, stop = Bench(), asyncio.Event()
    stop.set()
    assert not await bench.standby.opened([], stop)
    assert bench.ward.term == 0


async def test_one_that_comes_to_lead_has_its_term() -> None:
    bench = Bench()
    bench.disk.opens.set()
    assert await bench.standby.opened([], asyncio.Event())
    assert bench.ward.term == 7


async def test_a_word_disarms_once_and_is_dropped_once_what_is_in_force_is_saved() -> None:
    bench = Bench()
    bench.disk.spoken = [WORD, WORD]
    bench.ward.armed = ON
    bench.disk.switches = [ON]  # armed again by a human, while the word was being saved
    await bench.heeding()
    assert bench.disk.heard == [WORD]
    assert bench.ward.armed is ON
    first, second = bench.disk.saved
    assert first is not None
    assert (first.on, first.by, first.why) == (False, "ben", "the rack is wet")
    assert second is ON


async def test_one_that_leads_no_more_ends_and_says_why() -> None:
    with pytest.raises(Conflict, match="this daemon leads no more, and ends: b leads"):
        async with asyncio.timeout(10):
            await Bench().standby.deposed()


async def test_a_word_against_cuts_is_said_to_who_leads_and_shown_here() -> None:
    bench = Bench()
    bench.ward.armed = ON
    await bench.standby.forbid("ben", "the rack is wet")
    assert bench.disk.forbade == [("ben", "the rack is wet")]
    assert (bench.ward.armed.on, bench.ward.armed.by) == (False, "ben")


async def test_one_that_is_alone_says_no_word_to_another() -> None:
    ward, standby = alone()
    ward.armed = ON
    await standby.forbid("ben", "the rack is wet")
    assert ward.armed is ON
    with pytest.raises(Permanent, match="no other daemon"):
        standby.successors()


@pytest.mark.parametrize(
    ("leader", "why", "said"),
    [
        ("b", "it stands by", "it stands by: b"),
        ("", "it stands by", "it stands by: nobody that is known"),
        ("b", "", ""),
    ],
)
async def test_who_takes_an_order_instead_is_named(leader: str, why: str, said: str) -> None:
    bench = Bench()
    bench.disk.leader = leader
    assert bench.standby.aside(why) == said
    assert alone()[1].aside(why) == ""


async def test_who_could_take_over_at_once_is_named() -> None:
    bench = Bench()
    bench.disk.ready = ("c", "d")
    assert bench.standby.successors() == "c, d"
    bench.disk.ready = ()
    with pytest.raises(Permanent, match="no other daemon"):
        bench.standby.successors()
