"""check-config: what is wrong is found before the night in which it matters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.servers import OwnerSees
from tests.cli.gates import doors
from tests.cli.terminal import Done, typed
from tests.slice.site import Site, secret, site

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]
HOSTS = ("compute-1", "compute-2", "compute-3")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("site")) as made:
        yield made


def changed(place: Site, name: str, change: Callable[[Json], None]) -> Path:
    """Write a configuration beside the right one, and make it wrong."""
    found = yaml.safe_load(place.config.read_text())
    change(found)
    path = place.folder / f"{name}.yaml"
    path.write_text(json.dumps(found, indent=1))  # which is YAML, without anchors
    return path


async def check(place: Site, path: Path, *words: str) -> Done:
    """Check a configuration; see that nothing is started, and no secret told."""
    done = await typed("check-config", "--config", str(path), *words)
    assert "Traceback" not in done.err
    assert not [word for word in place.secrets() if word in done.out + done.err]
    assert not (place.folder / "state").exists()
    assert not place.socket.exists()
    return done


def verdicts(done: Done, word: str) -> list[str]:
    start = f"{word}: "
    return [line.removeprefix(start) for line in done.out.splitlines() if line.startswith(start)]


def device(found: Json, number: int) -> Json:
    """Return the power device of a host in a configuration."""
    one: Json = found["hosts"][number - 1]["levels"][0][0]
    return one


async def test_a_right_configuration(place: Site) -> None:
    done = await check(place, place.config)
    assert (done.status, done.err, verdicts(done, "error")) == (0, "", [])
    assert f"{place.config}: valid" in done.out


async def test_everything_is_well_online(place: Site) -> None:
    done = await check(place, place.config, "--online")
    assert (done.status, done.err, verdicts(done, "error")) == (0, "", [])
    assert verdicts(done, "ok") == [
        "cloud: login, roles and versions",
        "cloud: it knows every host",
        *(f"{name}/redfish: {place.host(name).system_uuid}, power on" for name in HOSTS),
    ]
    entries = place.lab.record.entries
    assert {entry.kind for entry in entries} <= {"power-on", "compute-start", "guest-start"}


async def test_what_owners_are_shown_cannot_be_told_without_one(place: Site) -> None:
    done = await check(place, place.config, "--online")
    (warning,) = [text for text in verdicts(done, "warning") if text.startswith("cloud: ")]
    assert "an admin cannot tell: Nova does not say its policy" in warning
    assert "Name in cloud.owner_cloud an entry of clouds.yaml" in warning
    assert done.status == 0


async def test_what_owners_are_shown_is_told_with_one(place: Site) -> None:
    path = changed(place, "owner", lambda found: found["cloud"].update(owner_cloud="project-1"))
    done = await check(place, path, "--online")
    warnings = [text for text in verdicts(done, "warning") if text.startswith("cloud: ")]
    line = '"os_compute_api:servers:show:host_status": "rule:project_reader_or_admin"'
    assert (done.status, len(warnings)) == (0, 3)
    assert warnings[1] == f"cloud: to let them, add to Nova's policy.yaml: {line}"
    assert "show:host_status:unknown-only" in warnings[2]
    place.lab.nova.owner_sees = OwnerSees.FULL
    done = await check(place, path, "--online")
    place.lab.nova.owner_sees = OwnerSees.NOTHING
    assert "cloud: servers' owners are shown host_status" in verdicts(done, "ok")
    assert [text for text in verdicts(done, "warning") if text.startswith("cloud: ")] == []


async def test_a_broken_file_names_every_fault(place: Site) -> None:
    def change(found: Json) -> None:
        found["mode"] = "destroy"
        found["timing"]["off_reads"] = 1
        found["hosts"][0]["levels"][0][0]["pasword_file"] = "x"

    path = changed(place, "broken", change)
    done = await check(place, path, "--online")
    errors = verdicts(done, "error")
    assert (done.status, len(errors)) == (1, 3), done
    for text in ("mode: found 'destroy'", "timing.off_reads: found 1", "pasword_file: unknown"):
        assert sum(text in error for error in errors) == 1
    assert done.out.splitlines()[-1] == f"{path}: 3 errors"


async def test_parts_that_cannot_be_made_are_all_named(place: Site) -> None:
    """What only a part itself can tell, found without connecting to anything."""

    def change(found: Json) -> None:
        found["cloud"]["cloud"] = "nowhere"
        for number in (1, 2, 3):
            device(found, number)["ca_file"] = "no-such-ca.pem"
        found["consumers"][0]["ca_file"] = "doctor-daemon.yaml"
        bearer = {"bearer_file": "bearer"}
        found["sources"].append({"name": "scripts", "type": "evidence", "auth": bearer})

    path = changed(place, "unmakeable", change)
    for words in ((), ("--online",)):
        done = await check(place, path, *words)
        errors = [text.removeprefix(f"{path}: ") for text in verdicts(done, "error")]
        assert (done.status, verdicts(done, "ok")) == (1, [])
        begins = (
            "sources: scripts: source 'scripts': kind: it is missing",
            "cloud: ",
            "hosts: compute-1/redfish and 2 more: ca_file: ",
            "consumers: operators: ca_file: ",
        )
        assert len(errors) == len(begins)
        assert all(text.startswith(begin) for text, begin in zip(errors, begins, strict=True))
        assert done.out.splitlines()[-1] == f"{path}: 4 errors"


async def test_sources_on_one_path_are_refused(place: Site) -> None:
    path = changed(
        place,
        "clash",
        lambda found: found["sources"].append({**found["sources"][0], "name": "more"}),
    )
    done = await check(place, path)
    (error,) = verdicts(done, "error")
    assert (done.status, "found /v1/alertmanager again" in error) == (1, True)


async def test_devices_that_cannot_fence(place: Site) -> None:
    """A wrong password, another chassis, and a BMC that does not tell the power."""
    secret(place.folder / "wrong-password", "not-the-password")
    other = "00000000-0000-4000-8000-000000000bad"

    def change(found: Json) -> None:
        device(found, 1)["password_file"] = "wrong-password"
        device(found, 2)["uuid"] = other

    path = changed(place, "devices", change)
    rule = Rule(service=Service.BMC, do=Do.NO_POWER, host="compute-3", times=None)
    place.lab.faults.add(rule)
    done = await check(place, path, "--online")
    place.lab.faults.clear()
    first, second, third = verdicts(done, "error")
    assert first.startswith("compute-1/redfish: ")
    assert "401" in first
    uuid = place.host("compute-2").system_uuid
    assert second == f"compute-2/redfish: answers for {uuid}, expected {other}"
    assert third.startswith("compute-3/redfish: does not say clearly whether the power is on")
    assert (done.status, len(verdicts(done, "ok"))) == (1, 2)


async def test_a_device_that_hangs(place: Site) -> None:
    place.lab.faults.add(Rule(service=Service.BMC, do=Do.HANG, host="compute-2", times=None))
    done = await check(place, place.config, "--online")
    place.lab.faults.clear()
    (error,) = verdicts(done, "error")
    assert error.startswith("compute-2/redfish: ")
    assert (done.status, len(verdicts(done, "ok"))) == (1, 4)


async def test_a_role_that_does_not_suffice(place: Site) -> None:
    path = changed(place, "member", lambda found: found["cloud"].update(cloud="project-1"))
    done = await check(place, path, "--online")
    errors = verdicts(done, "error")
    assert done.status == 1
    assert any("the role may not force hosts down" in error for error in errors), errors
    assert all(error.startswith("cloud: ") for error in errors)
    assert len(verdicts(done, "ok")) == len(HOSTS)


async def test_a_password_that_keystone_refuses(place: Site) -> None:
    clouds = json.loads((place.folder / "clouds.yaml").read_text())
    clouds["clouds"]["doctor"]["auth"]["password"] = "a-password-of-last-year"
    secret(place.folder / "old-clouds.yaml", json.dumps(clouds))
    path = changed(place, "old", lambda f: f["cloud"].update(clouds_file="old-clouds.yaml"))
    done = await check(place, path, "--online")
    (error,) = verdicts(done, "error")
    assert (done.status, error.startswith("cloud: ")) == (1, True)
    assert "401" in error
    assert "a-password-of-last-year" not in done.out + done.err


async def test_a_host_that_nova_does_not_know(place: Site) -> None:
    def change(found: Json) -> None:
        found["hosts"].append({"names": "cmp-99", "levels": ["manual"]})

    done = await check(place, changed(place, "stranger", change), "--online")
    (error,) = verdicts(done, "error")
    assert error == "hosts: cmp-99: the cloud lists no compute service of exactly that name"
    assert done.status == 1


async def test_no_file_at_all(place: Site) -> None:
    path = place.folder / "none.yaml"
    done = await check(place, path)
    assert (done.status, done.err) == (1, "")
    assert "the file cannot be read: No such file or directory" in done.out


async def test_checks_run_side_by_side(place: Site) -> None:
    """Three BMCs none of which answers before each of them has been asked."""
    found = yaml.safe_load(place.config.read_text())
    async with doors([device(found, number)["url"] for number in (1, 2, 3)]) as urls:

        def change(found: Json) -> None:
            for number, url in enumerate(urls, 1):
                device(found, number)["url"] = url

        done = await check(place, changed(place, "doors", change), "--online")
    assert (done.status, verdicts(done, "error")) == (0, [])
    assert len([text for text in verdicts(done, "ok") if "/redfish: " in text]) == len(HOSTS)


async def test_the_block_storage_is_checked_too(place: Site) -> None:
    def change(found: Json, cloud: str) -> None:
        clouds_file = found["cloud"]["clouds_file"]
        found["storage"] = {"type": "cinder", "clouds_file": clouds_file, "cloud": cloud}

    path = changed(place, "storage", lambda found: change(found, "doctor"))
    done = await check(place, path, "--online")
    assert (done.status, verdicts(done, "error")) == (0, [])
    assert "storage: login, roles and versions" in verdicts(done, "ok")
    path = changed(place, "no-role", lambda found: change(found, "project-1"))
    done = await check(place, path, "--online")
    (error,) = verdicts(done, "error")
    assert error.startswith("storage: GET os-services")
    path = changed(place, "nowhere", lambda found: change(found, "nowhere"))
    done = await check(place, path)
    (error,) = verdicts(done, "error")
    assert "storage: " in error


async def test_the_network_is_checked_too(place: Site) -> None:
    def change(found: Json, cloud: str) -> None:
        clouds_file = found["cloud"]["clouds_file"]
        found["network"] = {"type": "neutron", "clouds_file": clouds_file, "cloud": cloud}

    path = changed(place, "network", lambda found: change(found, "doctor"))
    done = await check(place, path, "--online")
    assert (done.status, verdicts(done, "error")) == (0, [])
    assert "network: login, roles and versions" in verdicts(done, "ok")
    path = changed(place, "no-network", lambda found: change(found, "project-1"))
    done = await check(place, path, "--online")
    (error,) = verdicts(done, "error")
    assert error.startswith("network: Neutron does not show what port")
