"""How servers stand: what Nova shows at that moment, beside what the open incidents say."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.core.phases import Phase
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.states import ASK_S, SILENT_MAX
from doctor_daemon.engine.ward import ASKED_AT_ONCE
from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.states import StatesWanted
from tests.engine.instruments import HOST, OTHER
from tests.engine.moving import bench
from tests.engine.rebuilds import ELSEWHERE
from tests.engine.rig import Rig, accuse, incident_of, server, until
from tests.simulation.virtual import run

ALL = StatesWanted()


def test_servers_of_hosts_to_which_nothing_has_happened() -> None:
    rig = Rig()
    rig.nova.there[OTHER.name] = (server(3, "red"),)

    async def main() -> None:
        async with rig.running() as engine:
            before = rig.clock.now().wall_s
            found = await Operators(engine).server_states(ALL)
            assert found["as_of_wall_s"] >= before
            assert (found["host"], found["marker"]) == (None, None)
            assert found["silent"] == {"count": 0, "hosts": []}
            assert found["blind"] is False
            assert [row["id"] for row in found["servers"]] == ["vm-1", "vm-2", "vm-3"]
            assert found["servers"][0] == {
                "id": "vm-1",
                "name": "vm-1",
                "project": "red",
                "status": "ACTIVE",
                "task": None,
                "host": HOST.name,
                "host_status": "UP",
                "incident": None,
            }

    run(main())


def test_nova_is_asked_each_time() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators = Operators(engine)
            assert len((await operators.server_states(ALL))["servers"]) == 2
            rig.nova.there[HOST.name] = ()
            assert (await operators.server_states(ALL))["servers"] == []

    run(main())


def test_what_the_incident_of_the_host_says() -> None:
    rig = Rig()
    rig.nova.there[OTHER.name] = (server(3, "red"),)

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            found = await Operators(engine).server_states(ALL)
            said = {row["id"]: row["incident"] for row in found["servers"]}
            own = {
                "id": incident_of(engine).id,
                "host": "cmp-1",
                "phase": "down",
                "stage": None,
                "to": "",
                "why": "",
            }
            assert said == {"vm-1": own, "vm-2": own, "vm-3": None}
            shown = {row["id"]: row["host_status"] for row in found["servers"]}
            assert shown == {"vm-1": "DOWN", "vm-2": "DOWN", "vm-3": "UP"}

    run(main())


def test_a_server_that_was_moved_is_told_by_the_incident_that_moved_it() -> None:
    rig = bench(2)

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(1)
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            rows = (await Operators(engine).server_states(ALL))["servers"]
            assert {row["host"] for row in rows} == {ELSEWHERE}
            for row in rows:
                said = row["incident"]
                assert (said["host"], said["stage"], said["to"]) == ("cmp-1", "moved", ELSEWHERE)

    run(main())


def test_trap_20_a_host_is_told_of_even_if_no_server_is_on_it() -> None:
    rig = Rig()
    rig.nova.there.clear()

    async def main() -> None:
        async with rig.running() as engine:
            await accuse(rig, engine)
            await until(engine, Phase.DOWN)
            found = await Operators(engine).server_states(StatesWanted(host=HOST))
            assert found["servers"] == []
            host = found["host"]
            assert host["reason"].startswith("doctor-daemon:")
            assert host | {"reason": ""} == {
                "name": "cmp-1",
                "host_status": "DOWN",
                "state": "down",
                "status": "disabled",
                "forced_down": True,
                "reason": "",
            }

    run(main())


def test_hosts_of_which_nova_says_nothing_are_named_as_far_as_that_goes() -> None:
    rig = Rig()
    rig.nova.silent = {f"cmp-{number:03}" for number in range(SILENT_MAX + 5)}

    async def main() -> None:
        async with rig.running() as engine:
            silent = (await Operators(engine).server_states(ALL))["silent"]
            assert silent["count"] == SILENT_MAX + 5
            assert silent["hosts"] == sorted(rig.nova.silent)[:SILENT_MAX]

    run(main())


def test_pages_follow_one_another() -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            operators, found, marker = Operators(engine), list[str](), ""
            for _ in range(3):
                page = await operators.server_states(StatesWanted(marker=marker, limit=1))
                found += [row["id"] for row in page["servers"]]
                marker = page["marker"] or ""
            assert (found, marker) == (["vm-1", "vm-2"], "")

    run(main())


def test_a_nova_that_does_not_answer_in_time_is_said_and_not_waited_for() -> None:
    rig = Rig()
    rig.nova.listing_s = 3600.0

    async def main() -> None:
        async with rig.running() as engine:
            began = rig.clock.now()
            with pytest.raises(Temporary, match="Nova has not shown the servers within 12 s"):
                await Operators(engine).server_states(ALL)
            assert rig.clock.now().since(began) == pytest.approx(ASK_S, abs=0.1)

    run(main())


@pytest.mark.parametrize("error", [Temporary("503"), Permanent("403")])
def test_what_nova_says_is_handed_on(error: Exception) -> None:
    rig = Rig()

    async def main() -> None:
        async with rig.running() as engine:
            await asyncio.sleep(5)
            rig.nova.errors = [error]
            with pytest.raises(type(error), match=str(error)):
                await Operators(engine).server_states(ALL)

    run(main())


def test_that_servers_may_be_missing_is_said() -> None:
    rig = Rig()
    rig.nova.blind = True

    async def main() -> None:
        async with rig.running() as engine:
            assert (await Operators(engine).server_states(ALL))["blind"] is True

    run(main())


def test_operators_who_ask_leave_the_incidents_their_connections() -> None:
    rig = Rig()
    rig.nova.listing_s = 1.0

    async def main() -> None:
        async with rig.running() as engine:
            asked = [Operators(engine).server_states(ALL) for _ in range(3 * ASKED_AT_ONCE)]
            assert len(await asyncio.gather(*asked)) == 3 * ASKED_AT_ONCE
            assert rig.nova.listed_at_once == ASKED_AT_ONCE
            rig.nova.listing_s = ASK_S
            asked = [Operators(engine).server_states(ALL) for _ in range(3 * ASKED_AT_ONCE)]
            late = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(one) for one in late} == {Temporary}, "who waits in vain hears so"
            rig.nova.listing_s = 0.0
            assert (await Operators(engine).server_states(ALL))["servers"]

    run(main())
