"""Which servers are asked for, and in which order, with a daemon around the decision."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode, Scope, Selection, Server
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from tests.engine.instruments import HOST
from tests.engine.moving import SOON, bench, comes, posted, stages, virtually
from tests.engine.rig import Rig, accuse, incident_of, server, until

TAGGED = Selection(Scope.TAGGED, shared_storage=True)


def written(number: int, **tags: str) -> Server:
    """Make a server with such metadata; `priority` is instanceha's."""
    keys = {"priority": "instanceha:restart_priority"}
    found = {f"server:{keys.get(key, key)}": text for key, text in tags.items()}
    return replace(server(number, "red"), tags=found)


def tagged_bench(*servers: Server, policy: Policy = SOON) -> Rig:
    rig = Rig(policy=policy, mode=Mode.EVACUATE, selection=TAGGED)
    rig.nova.there[HOST.name] = servers
    return rig


@virtually
async def test_ranks_are_asked_for_one_after_the_other_and_the_plan_is_saved_before() -> None:
    rig = bench(0)
    rig.nova.there[HOST.name] = (
        written(1, priority="1"),
        written(2),
        written(3, priority="1000"),
        written(4, priority="1000"),
    )
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        assert posted(rig)[0:2] == ["vm-3", "vm-4"]
        assert posted(rig)[2:] == ["vm-2", "vm-1"]
        texts = [entry.text for entry in incident_of(engine).timeline]
        plan = "plan: 4 of 4 servers are to be moved, in 3 ranks: 2, 1, 1; "
        assert any(text.startswith(plan) for text in texts)


@virtually
async def test_an_aggregate_is_asked_for_where_only_the_tagged_are_moved() -> None:
    rig = tagged_bench(server(1, "red"), written(2, HA_Enabled="False"))
    rig.nova.aggregated[HOST.name] = ({"rack": "7"}, {"evacuable": "true"})
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.DOWN)
        assert stages(engine) == {"vm-1": Stage.MOVED, "vm-2": Stage.SKIPPED}
        assert posted(rig) == ["vm-1"]


@virtually
async def test_without_aggregates_nothing_is_moved_and_the_incident_says_why() -> None:
    rig = tagged_bench(
        written(1, HA_Enabled="True"), policy=Policy(grace_s=1.0, force_down_tries=3)
    )
    rig.nova.aggregates_fail = "GET os-aggregates: Nova answered 503"
    async with rig.running() as engine:
        await accuse(rig, engine)
        await until(engine, Phase.HELD)
        held = incident_of(engine).held
        assert held is not None
        assert held.why.endswith("of cmp-1: GET os-aggregates: Nova answered 503")
        assert posted(rig) == []


@virtually
async def test_c12_the_width_follows_what_nova_answers() -> None:
    rig = bench(40)
    rig.nova.rebuilds.outcomes = [Outcome.UNSENT] * 6
    async with rig.running() as engine:
        await accuse(rig, engine)
        await comes(lambda: engine.ward.turnstile.width < SOON.posts_total)
        shown = rig.metrics.registry.get_sample_value("doctor_evacuation_turns")
        assert shown == engine.ward.turnstile.width
        await until(engine, Phase.DOWN)
        assert set(stages(engine).values()) == {Stage.MOVED}
