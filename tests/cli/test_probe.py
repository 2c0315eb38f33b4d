"""`probe`: by a daemon that runs, and without one; what it prints, and how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import yaml

from doctor_daemon.cli import probes
from doctor_daemon.lab.faults import Do, Rule, Service
from tests.cli.terminal import Done, Terminal, typed
from tests.slice.site import Site, site

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Make a site on which no daemon runs."""
    async with site(tmp_path_factory.mktemp("alone")) as made:
        yield made


def host(name: str, fenceable: str, *devices: Json) -> Json:
    return {"host": name, "fenceable": fenceable, "good_age_s": 1.0, "devices": list(devices)}


def device(**more: Any) -> Json:  # noqa: ANN401 - fields of a row
    row = {"device": "bmc", "level": 1, "kind": "redfish", "grade": "good", "text": "power on"}
    return {**row, "took_s": 0.0214, "age_s": 3.2, "failures": 0, "pending": False, **more}


async def test_the_table_says_what_is_wrong_and_what_it_comes_to() -> None:
    unprobed = device(grade=None, text="not probed yet", took_s=None, age_s=None)
    wrong = device(level=2, device="pdu", grade="another machine", text="answers for 2")
    found = {
        "hosts": [
            host("cmp-1", "yes", device()),
            host("cmp-22", "no", wrong),
            host("cmp-3", "unknown", unprobed),
        ]
    }
    assert list(probes.words(found)) == [
        "HOST    LEVEL  DEVICE  RESULT           TOOK   AGE",
        "cmp-1   1      bmc     good             21 ms  3 s  power on",
        "cmp-22  2      pdu     ANOTHER MACHINE  21 ms  3 s  answers for 2",
        "cmp-3   1      bmc     -                -      -    not probed yet",
        "",
        "1 of 3 hosts cannot be fenced: cmp-22",
        "1 of 3 hosts are in doubt: probe them again: cmp-3",
        "1 of 3 hosts can be fenced",
    ]
    many = {"hosts": [host(f"c{n}", "no") for n in range(12)]}
    assert list(probes.words(many))[-1].endswith("c8, c9 and 2 more")


async def test_the_status_is_0_only_if_every_level_could_fence() -> None:
    for word, status in (("yes", 0), ("manual", 0), ("partly", 1), ("unknown", 1), ("no", 1)):
        assert probes.status({"hosts": [host("a", "yes"), host("b", word)]}) == status


async def test_b17_a_daemon_is_asked_and_says_it_in_status_and_readiness(
    terminal: Terminal,
) -> None:
    place = terminal.place
    said = await terminal.well("probe")
    assert said.splitlines()[-1] == "3 of 3 hosts can be fenced"
    assert "compute-2  1      redfish  good" in said
    place.lab.faults.add(
        Rule(service=Service.BMC, do=Do.OTHER_CHASSIS, host="compute-2", times=None)
    )
    try:
        done = await terminal.type("probe", "compute-2")
        assert (done.status, done.err) == (1, "")
        assert "ANOTHER MACHINE" in done.out
        assert done.out.splitlines()[-1] == "1 of 1 hosts cannot be fenced: compute-2"
        assert await place.get("/readyz") == (200, "ready; 1 of 3 hosts cannot be fenced\n")
        told = await terminal.well("status")
        assert "1 hosts cannot be fenced (compute-2): `doctor-daemon probe`" in told
        await place.logged("ALARM: compute-2 cannot be fenced: redfish (level 1): another machine")
        assert await place.metric('doctor_fencing_hosts{fenceable="no"}') == 1
    finally:
        place.lab.faults.clear()
    assert (await terminal.type("probe", "compute-2")).status == 0
    assert (await place.get("/readyz"))[1] == "ready\n"
    refused = await terminal.refused("probe", "compute-9")
    assert refused.endswith("expected perhaps compute-1") or "compute-9" in refused
    assert all(server.power for server in place.lab.world.hosts.values())


async def alone(place: Site, *words: str) -> Done:
    at = ("--socket", str(place.folder / "nobody.sock"), "--config", str(place.config))
    done = await typed("probe", *at, *words)
    assert done.err.startswith(f"no daemon runs: asking the devices that {place.config} names")
    assert not [word for word in place.secrets() if word in done.out + done.err]
    return done


async def test_without_a_daemon_the_devices_are_asked_by_the_configuration(place: Site) -> None:
    done = await alone(place)
    assert (done.status, done.out.splitlines()[-1]) == (0, "3 of 3 hosts can be fenced")
    place.lab.faults.add(
        Rule(service=Service.BMC, do=Do.STATUS, status=401, host="compute-1", times=1)
    )
    done = await alone(place, "compute-1")
    assert done.status == 1
    assert "REFUSED" in done.out
    assert done.out.splitlines()[-1] == "1 of 1 hosts cannot be fenced: compute-1"
    done = await alone(place, "compute-9")
    assert (done.status, done.out) == (1, "")
    assert done.err.endswith(f"compute-9 is not in {place.config}\n")


async def test_hosts_that_only_a_human_can_vouch_for_are_well(place: Site) -> None:
    config = yaml.safe_load(place.config.read_text())
    config["hosts"][0]["levels"] = ["manual"]
    path = place.folder / "manual.yaml"
    path.write_text(yaml.safe_dump(config))
    words = ("--socket", str(place.folder / "nobody.sock"), "--config", str(path))
    done = await typed("probe", *words, "compute-1")
    assert done.status == 0
    assert done.out.splitlines()[-1].endswith("that they are off: compute-1")
