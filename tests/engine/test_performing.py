"""One effect, carried out: what is asked once more just before it is sent, and what it comes to.

An incident is asked as it is saved, and as it was decided since.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Migration, Stage
from doctor_daemon.core.incident import Incident
from doctor_daemon.core.messages import (
    CutEnded,
    Effect,
    EvacuateEnded,
    Follow,
    Followed,
    PutEnded,
    Refused,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import SwitchedOn
from doctor_daemon.core.tries import Lined, Outcome
from doctor_daemon.engine.perform import STOPPING
from doctor_daemon.ports.leading import Role
from tests.core.make import at, incident
from tests.engine.moving import comes
from tests.engine.performing import (
    CUT,
    EACH,
    OFF,
    PASSED,
    POST,
    PROVEN,
    PUT,
    SERVER,
    SWITCH,
    WANTED,
    bench,
)
from tests.engine.rig import HOST, OTHER
from tests.simulation.virtual import run

# what is not sent


@EACH
def test_i3_where_a_gate_has_shut_since_nothing_is_sent(effect: Effect) -> None:
    made = bench()

    async def main() -> None:
        found = await made.done(effect, made.ward(OFF))
        assert found == Refused(effect, "armed", "the daemon is disarmed by ben: wrong rack")

    run(main())
    assert (made.sent, made.rig.device.identities) == (0, 0)
    name = "doctor_gate_refusals_total"
    assert made.rig.metrics.registry.get_sample_value(name, {"gate": "armed"}) == 1


@pytest.mark.parametrize("effect", [one for one in WANTED if one != PUT], ids=str)
@pytest.mark.parametrize("saved", [True, False])
def test_what_is_not_wanted_any_more_is_not_sent(effect: Effect, *, saved: bool) -> None:
    made = bench()

    async def main() -> None:
        states = (PASSED, WANTED[effect]) if saved else (WANTED[effect], PASSED)
        found = await made.done(effect, made.ward(OFF), *states)
        assert isinstance(found, Refused)
        assert (found.gate, "any more" in found.why) == ("overtaken", True)

    run(main())
    assert made.sent == 0


@pytest.mark.parametrize(
    ("saved", "decided", "sent"),
    [
        (PROVEN, PROVEN, 1),
        (PROVEN, replace(PROVEN), 1),
        (PROVEN, replace(PROVEN, proof=None), 0),
        (replace(PROVEN, proof=None), PROVEN, 0),
        (replace(PROVEN, proof=None), replace(PROVEN, proof=None), 0),
    ],
)
def test_i1_the_gates_are_asked_of_what_is_saved_and_of_what_was_decided_since(
    saved: Incident, decided: Incident, sent: int
) -> None:
    made = bench()

    async def main() -> None:
        found = await made.done(PUT, made.ward(), saved, decided)
        assert getattr(found, "gate", "") == ("" if sent else "proof")
        assert isinstance(found, PutEnded if sent else Refused)

    run(main())
    assert made.sent == sent


def test_a_daemon_that_is_stopping_evacuates_nothing_more() -> None:
    made = bench()

    async def main() -> None:
        ward = made.ward()
        ward.stopping = True
        assert await made.done(POST, ward) == Refused(POST, "overtaken", STOPPING)

    run(main())
    assert made.sent == 0


# who leads


@EACH
def test_i5_who_leads_no_more_sends_nothing(effect: Effect) -> None:
    made = bench(shared=True)
    assert made.seat
    made.seat.role, made.seat.refusals = Role.OVER, ["another one leads"]

    async def main() -> None:
        found = await made.done(effect, made.ward())
        gate = "permit" if effect == CUT else "look"
        assert found == Refused(effect, gate, "another one leads")

    run(main())
    assert made.sent == 0


@EACH
def test_i5_until_it_is_certain_who_leads_it_is_waited_for(effect: Effect) -> None:
    made = bench(shared=True)
    assert made.seat
    made.seat.refusals = ["nobody can say"]

    async def main() -> None:
        found = await made.done(effect, made.ward(OFF))
        assert (type(found), getattr(found, "gate", "")) == (Refused, "armed")

    run(main())
    assert made.sent == 0


def test_i5_at_a_device_whose_turn_it_is_nobody_is_waited_for() -> None:
    made = bench(shared=True)
    seat = made.seat
    assert seat

    async def main() -> None:
        task = asyncio.create_task(made.done(SWITCH, made.ward()))
        await comes(lambda: made.rig.device.identities > 0)
        seat.refusals = ["nobody can say"]
        assert await task == Refused(SWITCH, "look", "nobody can say")

    run(main())
    assert made.sent == 0


def test_i3_while_a_device_says_who_it_is_the_gates_may_shut() -> None:
    made = bench()

    async def main() -> None:
        ward = made.ward()
        task = asyncio.create_task(made.done(SWITCH, ward))
        await comes(lambda: made.rig.device.identities > 0)
        ward.armed = OFF
        found = await task
        assert (type(found), getattr(found, "gate", "")) == (Refused, "armed")

    run(main())
    assert made.sent == 0


# in line


@pytest.mark.parametrize("shared", [True, False])
def test_a_cut_that_waits_for_its_turn_says_so_once(*, shared: bool) -> None:
    made = bench(shared=shared)

    async def main() -> None:
        ward = made.ward(OFF)
        async with ward.tools.device_turns.turn(f"{HOST}/bmc"):
            task = asyncio.create_task(made.done(CUT, ward))
            await asyncio.sleep(1)
            assert made.told == [Lined(1, "bmc", at(0))]
        assert isinstance(await task, Refused)

    run(main())
    assert made.told == [Lined(1, "bmc", at(0))]


@pytest.mark.parametrize(
    ("outcome", "narrowed", "quick"),
    [
        (Outcome.ACCEPTED, False, True),
        (Outcome.REFUSED, False, False),
        (Outcome.FORBIDDEN, False, False),
        (Outcome.UNKNOWN, True, False),
    ],
)
def test_turns_grow_fewer_where_nova_is_in_trouble_and_more_where_it_is_quick(
    outcome: Outcome, *, narrowed: bool, quick: bool
) -> None:
    made = bench()
    made.rig.nova.rebuilds.outcomes = [outcome]

    async def main() -> None:
        ward = made.ward()
        width = ward.turnstile.width
        found = await made.done(POST, ward)
        assert isinstance(found, EvacuateEnded)
        assert found.outcome is outcome
        assert (ward.turnstile.width < width) is narrowed
        assert (ward.turnstile.lined_up > ward.turnstile.width) is quick

    run(main())


# what is sent


def test_a_machine_that_answers_by_its_own_name_is_switched_on() -> None:
    made = bench()

    async def main() -> None:
        found = await made.done(SWITCH, made.ward())
        assert found == SwitchedOn(SWITCH, Outcome.ACCEPTED, "204", at(0))

    run(main())
    assert made.rig.device.switches == 1


def test_a14_a_machine_that_answers_by_another_name_is_not_switched_on() -> None:
    made = bench()
    made.rig.device.uuid = "another"

    async def main() -> None:
        text = f"nothing was sent: it answers for another, not for {SWITCH.uuid}"
        assert await made.done(SWITCH, made.ward()) == SwitchedOn(
            SWITCH, Outcome.UNSENT, text, at(0)
        )

    run(main())
    assert made.sent == 0


def test_a_cut_that_waits_for_nobody_says_nothing_before_its_end() -> None:
    made = bench()

    async def main() -> None:
        found = await made.done(CUT, made.ward())
        assert isinstance(found, CutEnded), found

    run(main())
    assert (made.told, made.rig.device.cuts) == ([], 1)


def test_a_cut_that_has_waited_for_its_turn_says_that_it_comes() -> None:
    made = bench()

    async def main() -> None:
        ward = made.ward()
        async with ward.tools.device_turns.turn(f"{HOST}/bmc"):
            task = asyncio.create_task(made.done(CUT, ward))
            await asyncio.sleep(1)
        assert isinstance(await task, CutEnded)

    run(main())
    assert made.told == [Lined(1, "bmc", at(0)), Lined(1, "bmc", at(0), over=True)]


@pytest.mark.parametrize(("status", "listed"), [("pre-migrating", False), ("done", True)])
def test_of_evacuations_those_of_the_host_are_followed_and_listed_where_one_has_ended(
    status: str, *, listed: bool
) -> None:
    made = bench()
    rebuilds = made.rig.nova.rebuilds
    rebuilds.rows += [
        Migration(n, SERVER.id, one.name, "", "") for n, one in ((1, HOST), (2, OTHER))
    ]
    ours, _ = rebuilds.turn(1, status, OTHER.name), rebuilds.turn(2, "done", HOST.name)
    record = Evacuation(SERVER, Stage.UNDER_WAY, at(0), attempt=1)
    moving = incident(phase=Phase.EVACUATING, evacuations={SERVER.id: record})

    async def main() -> None:
        found = await made.done(Follow(3), made.ward(), moving)
        assert isinstance(found, Followed)
        assert (found.number, found.migrations) == (3, (ours,))
        assert (found.servers is not None) is listed

    run(main())
