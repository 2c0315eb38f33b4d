"""When no drill is begun: each reason is told, and nothing is booted or cut."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.world import Failure
from tests.slice.drilling import HOST, OTHER, QUICK, drill, drilled, ended, typed, typing
from tests.slice.site import Site

HOSTS = "compute-[1-4]"
LAST = "compute-4"


async def refused(place: Site, *words: str, host: str = HOST, stdin: str = "") -> str:
    """Have a drill refused; return why."""
    done = await typed(place, *words, host=host, stdin=stdin)
    assert (done.status, done.json["verdict"]) == (1, "refused"), done
    assert done.json["left"] == []
    assert "Traceback" not in done.err
    assert place.lab.nova.boots.builds == []
    why: str = done.json["why"]
    assert why in done.err
    return why


async def test_a_host_that_is_not_well_and_empty_is_not_drilled(tmp_path: Path) -> None:
    lab, section = replace(QUICK, hosts=4), drill(hosts=[HOSTS])
    async with drilled(tmp_path, lab, section, armed=False) as place:
        assert await refused(place, "--yes") == "the daemon is disarmed: never armed"
        await place.arm()
        why = await refused(place, "--yes", host=OTHER)
        assert why.startswith(f"{OTHER} has other servers: server-")
        service = place.host(HOST).service
        service.disabled = True
        why = await refused(place, "--yes")
        assert why == f"nova-compute of {HOST} is up and disabled"
        service.disabled = False
        for name in ("compute-2", "compute-3", "compute-4"):
            place.host(name).service.disabled = True
        why = await refused(place, "--yes")
        assert why == f"no other host than {HOST} is up and enabled: a canary could not move"
        for name in ("compute-2", "compute-3", "compute-4"):
            place.host(name).service.disabled = False
        await place.ask("POST", f"/v1/hosts/{HOST}/maintenance", {"for_s": 60, "why": "disks"})
        assert (await refused(place, "--yes")).startswith(f"{HOST} is in maintenance by ")
        await place.ask("DELETE", f"/v1/hosts/{HOST}/maintenance")
        assert await refused(place, "--yes", "--socket", "/nowhere") == (
            "no daemon listens on /nowhere: is doctor-daemon running? (--socket names another)"
        )
        place.lab.faults.add(Rule(service=Service.NOVA, do=Do.STATUS, status=403, times=None))
        assert "Nova answered 403" in await refused(place, "--yes")


async def test_no_drill_beside_an_incident(tmp_path: Path) -> None:
    lab, section = replace(QUICK, hosts=4), drill(hosts=[HOSTS])
    async with drilled(tmp_path, lab, section) as place:
        place.lab.faults.add(Rule(service=Service.BMC, do=Do.REFUSE, host=LAST, times=None))
        place.lab.world.fail(LAST, Failure.HOST)
        await place.monitor.insist(LAST)
        await place.until(LAST, "held")
        why = await refused(place, "--yes")
        assert why == f"an incident of {LAST} is held: a drill is for quiet times"
        why = await refused(place, "--yes", host=LAST)
        assert why.startswith(f"{LAST} has an open incident, which is held: ")


async def test_the_hosts_name_is_typed_or_nothing_is_begun(tmp_path: Path) -> None:
    async with drilled(tmp_path) as place:
        assert await refused(place, stdin=f"{OTHER}\n") == (
            f"found '{OTHER}'; expected {HOST}, typed out"
        )
        assert await refused(place, stdin="") == f"found ''; expected {HOST}, typed out"
        async with typing(place, "--canary", HOST, "--json") as process:
            assert process.stderr is not None
            said = await process.stderr.readuntil(b"to begin the drill: ")
            assert f"The power of {HOST} will really be cut" in said.decode()
            process.send_signal(signal.SIGINT)
            done = await ended(process)
        assert (done.status, done.json["verdict"]) == (130, "interrupted"), done
        assert place.lab.nova.boots.builds == []
