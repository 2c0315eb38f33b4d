"""I-17: every effect has exactly one record, its intent is saved before it, and one chain holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

from doctor_daemon.core.auditing import CUT_OFF
from doctor_daemon.core.host import Device, Level
from doctor_daemon.core.messages import Order
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.operators import Operators
from tests.engine.audits import begun, brief, records
from tests.engine.coming_back import give_back, host_down, over
from tests.engine.instruments import HOST, UUID
from tests.engine.moving import bench, comes, first_post, virtually
from tests.engine.rig import Rig, accuse, incident_of, until
from tests.simulation.virtual import run

QUICK = Policy(grace_s=1.0)


@virtually
async def test_i17_a_host_that_was_down_and_came_back_has_all_its_effects_on_record() -> None:
    async with host_down() as (rig, engine):
        operators = Operators(engine)
        await operators.order(HOST, Order.POWER_ON, "ann", "new mainboard")
        await comes(lambda: rig.device.switches == 1)
        await give_back(rig, engine)
        await over(engine)
        found = await records(rig)
    parts = Counter((what, part) for what, part, _ in brief(found))
    for what, count in (("cut", 1), ("force_down", 1), ("evacuate", 3), ("switch_on", 1)):
        assert (parts[what, "intent"], parts[what, "result"]) == (count, count), what
    for what in ("lift", "enable"):
        assert parts[what, "intent"] == parts[what, "result"] > 0, what
    assert [parts[what, "order"] for what in ("arm", "power-on", "release")] == [1, 1, 1]
    assert {one["outcome"] for one in found if one["part"] == "result"} == {"accepted"}
    assert begun(rig) == sum(n for (_, part), n in parts.items() if part == "intent")


def test_i17_a_record_says_cause_evidence_gates_term_and_proof() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            arm, cut, cut_end, put, _ = await records(rig)
            assert (arm["what"], arm["by"], arm["cause"]) == ("arm", "ann", "test")
            assert cut["target"] == "bmc, level 1, try 1"
            assert (cut["host"], cut["incident"]) == ("cmp-1", incident_of(engine).id)
            assert cut["term"] == put["term"] == engine.ward.term
            assert cut["evidence"][0].startswith("am (prometheus) said down, 1 times")
            assert {"armed: open", "budget: open", "identity: open"} <= set(cut["gates"])
            assert cut["cause"] in [entry.text for entry in incident_of(engine).timeline]
            assert (cut_end["id"], cut_end["text"]) == (cut["id"], "accepted")
            assert f"bmc, machine {UUID}, read off 3 times" in put["proof"]
            assert "proof" not in cut

    run(main())


def test_i17_an_intent_is_durable_before_anything_is_sent() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
            assert brief(await records(rig))[1:] == [("cut", "intent", "")]
            (open_,) = incident_of(engine).journal.open
            assert open_.name == ("cut", "bmc, level 1, try 1")
            await until(engine, Phase.DOWN)
            assert incident_of(engine).journal.open == ()

    run(main())


def test_i17_what_cannot_be_saved_is_neither_said_nor_sent() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(0.5)
            rig.disk.failures = 10**6
            await asyncio.sleep(60)
            assert brief(await records(rig)) == [("arm", "order", "")]
            assert rig.device.cuts == 0
            rig.disk.failures = 0
            await until(engine, Phase.DOWN)
            assert Counter(brief(await records(rig)))["cut", "intent", ""] == 1

    run(main())


def test_i17_a_cut_in_which_the_daemon_died_is_not_known_and_the_next_is_another_record() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        engine = rig.engine()
        task = asyncio.create_task(engine.run())
        await engine.ready.wait()
        await accuse(rig, engine)
        await rig.device.began.wait()
        await rig.crash(task)
        assert brief(await records(rig))[1:] == [("cut", "intent", "")]
        async with rig.running() as second:
            await until(second, Phase.DOWN)
            found = await records(rig)
        assert rig.device.cuts == 2
        assert brief(found)[1:5] == [
            ("cut", "intent", ""),
            ("cut", "result", "unknown"),
            ("cut", "intent", ""),
            ("cut", "result", "accepted"),
        ]
        lost, again = found[2], found[3]
        assert (lost["id"], lost["text"]) == (found[1]["id"], CUT_OFF)
        assert again["id"] != lost["id"]
        assert [one["term"] for one in found[1:5]] == [1, 2, 2, 2]

    run(main())


@virtually
async def test_i17_requests_in_which_the_daemon_died_are_not_known() -> None:
    rig = bench()
    engine = rig.engine()
    task = asyncio.create_task(engine.run())
    await engine.ready.wait()
    await accuse(rig, engine)
    await first_post(rig)
    await rig.crash(task)
    async with rig.running() as second:
        await until(second, Phase.DOWN)
        found = [one for one in brief(await records(rig)) if one[0] == "evacuate"]
    ended = Counter(outcome for _, part, outcome in found if part == "result")
    assert ended["unknown"] > 0
    assert sum(ended.values()) == sum(part == "intent" for _, part, _ in found)
    assert rig.bugs == []


def test_i17_a_gate_that_shuts_just_before_an_effect_is_on_record() -> None:
    rig = Rig(policy=QUICK)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await asyncio.sleep(0.5)
            rig.disk.commit_s = 1.0
            await comes(lambda: (w := rig.disk.writing) is not None and bool(w.audit))
            await Operators(engine).disarm("ben", "wait")
            rig.disk.commit_s = 0.0
            await until(engine, Phase.HELD)
            found = await records(rig)
        assert rig.device.cuts == 0
        (end,) = [one for one in found if one["part"] == "result"]
        assert (end["what"], end["outcome"]) == ("cut", "unsent")
        assert end["text"] == "armed: the daemon is disarmed by ben: wait"

    run(main())


@virtually
async def test_i17_a_bug_in_the_midst_of_a_request_leaves_it_unknown() -> None:
    rig = bench()
    rig.nova.bug = KeyError("migration")
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: bool(rig.bugs))
        await asyncio.sleep(1)
        found = await records(rig)
    (end,) = [one for one in found if one.get("outcome") == "unknown"]
    assert (end["what"], end["text"]) == ("evacuate", "KeyError")


def test_i17_a_daemon_that_stops_waits_for_its_effects_and_says_how_they_ended() -> None:
    rig = Rig(policy=QUICK)
    rig.device.call_s = 5.0

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await rig.device.began.wait()
        found = brief(await records(rig))
        assert found[1:] == [("cut", "intent", ""), ("cut", "result", "accepted")]

    run(main())


def test_i17_what_is_due_by_a_new_configuration_is_not_begun_before_its_intent() -> None:
    """While a cut is being saved its level comes to have another device."""
    devices = tuple(Device(name, "redfish", UUID) for name in ("bmc", "psu"))
    rig = Rig(policy=QUICK, levels=(Level(devices),))

    async def main() -> None:
        async with rig.running() as engine:
            whole = engine.ward.rules
            plan = whole.plans[HOST]
            less = replace(plan, levels=(Level(devices[:1]),))
            engine.ward.rules = replace(whole, plans={**whole.plans, HOST: less})
            await accuse(rig, engine)
            await asyncio.sleep(0.5)
            rig.disk.commit_s = 0.5
            await comes(lambda: (w := rig.disk.writing) is not None and bool(w.audit))
            engine.ward.rules = whole
            rig.disk.commit_s = 0.0
            await until(engine, Phase.HELD)  # the device has not said who its host is
            found = await records(rig)
        ended = {one["target"]: one for one in found if one["part"] == "result"}
        assert begun(rig) == len(ended) == sum(one["part"] == "intent" for one in found)
        assert ended["psu, level 1, try 1"]["text"].startswith("identity: psu has not said")
        assert rig.bugs == []

    run(main())


def test_i17_a_cut_that_is_refused_says_so() -> None:
    rig = Rig(policy=QUICK)
    rig.device.outcomes = [Outcome.REFUSED]

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await comes(lambda: rig.device.cuts == 1)
            await asyncio.sleep(1)
            assert brief(await records(rig))[1:3] == [
                ("cut", "intent", ""),
                ("cut", "result", "refused"),
            ]

    run(main())
