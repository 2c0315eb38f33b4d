"""The judge finds what is wrong: each of its sentences, of a world or a store that is at fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports import Change, Permit
from tests.crash_points.line import How, Point, When
from tests.crash_points.more_stories import STORIES
from tests.crash_points.stories import Story, failure
from tests.crash_points.telling import points_of, told, violations, whole
from tests.crash_points.world import World
from tests.engine.instruments import ScriptedDevice, ScriptedNova
from tests.engine.rig import SlowDisk
from tests.simulation.tally import quiet


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


class Careless(ScriptedNova):
    """A way to Nova that does not look at the permit."""

    async def force_down(
        self, service: str, reason: str, permit: Permit, *, disable: bool
    ) -> tuple[Outcome, str]:
        fresh = replace(permit, not_after=self.clock.now().plus(1.0))
        return await super().force_down(service, reason, fresh, disable=disable)


class Lying(ScriptedDevice):
    """A power device that says Off, and cuts nothing."""

    async def read(self) -> Reading:
        found = await super().read()
        return replace(found, power=Power.OFF) if self.cuts else found

    async def cut(self, permit: Permit) -> tuple[Outcome, str]:
        self.cuts += 1
        return Outcome.ACCEPTED, "204"


class Unwritten(SlowDisk):
    """A disk that keeps no line of the audit."""

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(replace(change, audit=()), term=term)


class Mute(SlowDisk):
    """A disk that keeps no notice."""

    async def commit(self, change: Change, *, term: int) -> None:
        await super().commit(replace(change, notices=()), term=term)


def the(story: Story, how: How, when: When, name: str) -> Point:
    """Return the first point of a story at a call."""
    found = (one for one in points_of(story, how) if one.when is when)
    return next(one for one in found if one.name.startswith(name))


def test_one_that_wakes_and_sends_what_it_had_in_mind_is_found() -> None:
    careless = Story("careless", lambda: World(cloud=Careless), failure)
    before = How.STANDSTILL, When.BEFORE, "Controller.force_down"
    found = violations(careless, the(careless, *before))
    assert any(text.startswith("I-5: it does not lead") for text in found), found
    honest = STORIES["failure"]
    assert violations(honest, the(honest, *before)) == []


def test_a_host_that_is_forced_down_with_its_power_on_is_found() -> None:
    lied = Story("lied to", lambda: World(kinds={"bmc": Lying}), failure)
    found = whole(lied, shared=False).violations
    assert any("I-3: cmp-1 has power" in text for text in found), found


@pytest.mark.parametrize(("disk", "wrong"), [(Unwritten, "I-17: cut was sent"), (Mute, "L-4: ")])
def test_what_is_not_kept_is_found(disk: type[SlowDisk], wrong: str) -> None:
    unkept = Story("unkept", lambda: World(disk=disk), failure)
    found = whole(unkept, shared=False).violations
    assert any(text.startswith(wrong) for text in found), found


@pytest.mark.parametrize("name", ["ports", "reserve", "storage", "orders"])
def test_what_is_sent_beside_the_incidents_with_no_intent_is_found(name: str) -> None:
    story = STORIES[name]

    def forgetful() -> World:
        world = story.world()
        world.disk = Unwritten
        return world

    found = whole(replace(story, world=forgetful), shared=False).violations
    assert any(text.startswith("I-17: its intent is not saved") for text in found), found


@pytest.mark.parametrize("effect", ["evacuate vm-0", "force_down s-cmp-1 disable=True"])
def test_an_effect_that_is_done_once_too_often_is_found(effect: str) -> None:
    story = STORIES["failure"]
    point = the(story, How.RESTART, When.LOST, "Controller.evacuate")
    ending = replace(whole(story, shared=False).ending)
    ending.effects = ending.effects.copy()
    ending.effects[f"Controller.{effect}"] = 0
    found = told(story, point, ending, shared=False).violations
    assert found == [f"I-12: Controller.{effect} was made 1 times, not 0"]


def test_a_point_that_is_not_reached_is_found() -> None:
    story = STORIES["failure"]
    far = Point(10_000, "nothing", When.BEFORE, How.RESTART)
    assert "the boundary is not reached" in told(story, far, shared=False).violations
