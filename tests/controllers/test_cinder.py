"""What is sent to Cinder, byte for byte, what is believed of its answers, and what is checked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon import plugins
from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.controllers.volumes import read_levels, read_offer, read_services
from doctor_daemon.core.log_levels import LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import Target, VolumeService
from doctor_daemon.errors import LateError, Permanent, Temporary
from doctor_daemon.lab.cloud import CREDENTIAL, Lab
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.lab.volume_services import CinderOptions
from doctor_daemon.ports import Storage
from tests.controllers.rigs import SMALL, FastClock, calls, cinder, entry, secret_file
from tests.fakes.peer import Peer, telling
from tests.lab.cinder_target import ALPHA, BETA, VOLUME

ROW = {
    "binary": VOLUME,
    "host": ALPHA,
    "zone": "nova",
    "status": "enabled",
    "state": "up",
    "updated_at": "2026-11-21T02:42:03.000000",
    "disabled_reason": None,
    "replication_status": "enabled",
    "active_backend_id": None,
    "frozen": False,
}
VERSIONS = {"versions": [{"id": "v3.0", "version": "3.71", "min_version": "3.0"}]}
A, FLOCK = Target(ALPHA), Target(cluster="gamma")


def listed(*rows: object) -> bytes:
    return json.dumps({"services": rows}).encode()


def test_it_is_found_as_a_plugin_and_keeps_the_protocol() -> None:
    found: type[Storage] = Cinder
    assert plugins.find(plugins.STORAGE, "cinder") is found


async def test_each_call_is_pinned_and_says_exactly_what_is_meant() -> None:
    clock = FastClock()
    async with (
        Lab(SMALL) as lab,
        Peer(telling({**VERSIONS, "services": [], "log_levels": []})) as peer,
    ):
        lab.keystone.endpoints["block-storage"] = f"{peer.origin}/v3/$(project_id)s"
        project = lab.admin.project.id
        async with cinder(lab, clock) as adapter:
            permit = clock.permit()
            await adapter.services("control", VOLUME)
            await adapter.disable(A, "", permit)
            await adapter.disable(A, "why", permit)
            await adapter.enable(A, permit)
            await adapter.freeze(A, permit)
            await adapter.thaw(FLOCK, permit)
            await adapter.fail_over(A, "spare", permit)
            await adapter.fail_over(FLOCK, "spare", permit)
            await adapter.log_levels(LogScope())
            await adapter.set_log_level(LogScope(VOLUME, ALPHA, "cinder"), "DEBUG", permit)
        sent = [
            (
                one.method,
                one.path.replace(project, "P"),
                one.headers.get("openstack-api-version"),
                json.loads(one.body or b"{}"),
            )
            for one in peer.requests
        ]
    own, both = {"host": ALPHA, "binary": VOLUME}, "/v3/P/os-services"
    everything = {"binary": "*", "server": "", "prefix": ""}
    loggers = {"binary": VOLUME, "server": ALPHA, "prefix": "cinder"}
    assert sent == [
        ("GET", "/v3/", None, {}),
        ("GET", f"{both}?host=control&binary={VOLUME}", "volume 3.7", {}),
        ("PUT", f"{both}/disable", "volume 3.0", own),
        ("PUT", f"{both}/disable-log-reason", "volume 3.0", {**own, "disabled_reason": "why"}),
        ("PUT", f"{both}/enable", "volume 3.0", own),
        ("PUT", f"{both}/freeze", "volume 3.0", {"host": ALPHA}),
        ("PUT", f"{both}/thaw", "volume 3.26", {"cluster": "gamma"}),
        ("PUT", f"{both}/failover_host", "volume 3.0", {"host": ALPHA, "backend_id": "spare"}),
        ("PUT", f"{both}/failover", "volume 3.26", {"cluster": "gamma", "backend_id": "spare"}),
        ("PUT", f"{both}/get-log", "volume 3.32", everything),
        ("PUT", f"{both}/set-log", "volume 3.32", {**loggers, "level": "DEBUG"}),
    ]


@pytest.mark.parametrize("kind", ["block-storage", "volumev3"])
async def test_the_endpoint_is_found_by_either_name(kind: str) -> None:
    async with Lab(SMALL) as lab:
        lab.keystone.endpoints[kind] = lab.keystone.endpoints.pop("block-storage")
        async with cinder(lab, cloud=CREDENTIAL) as adapter:
            assert {row.host for row in await adapter.services(binary=VOLUME)} == {ALPHA, BETA}
            assert calls(adapter).seen == [("token", "ok"), ("services", "ok")]


async def test_a_cloud_without_cinder_is_told() -> None:
    async with Lab(SMALL) as lab, cinder(lab) as adapter:
        del lab.keystone.endpoints["block-storage"]
        with pytest.raises(Permanent, match="the catalogue has no public endpoint of volumev3"):
            await adapter.services()


async def test_tls_by_the_clouds_own_ca() -> None:
    async with Lab(replace(SMALL, tls=True)) as lab, cinder(lab) as adapter:
        assert await adapter.services(ALPHA)


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, ""),
        ({"volumev3_endpoint_override": "https://c.example/v3/"}, "https://c.example/v3"),
        (
            {
                "block_storage_endpoint_override": "https://b.example/v3",
                "volumev3_endpoint_override": "https://c.example/v3",
            },
            "https://b.example/v3",
        ),
    ],
)
def test_an_endpoint_of_clouds_yaml_comes_before_the_catalogues(
    tmp_path: Path, more: dict[str, str], url: str
) -> None:
    file = secret_file(tmp_path, "clouds.yaml", {"clouds": {"a": entry("http://k/v3", **more)}})
    assert read_cloud(file, "a").volume_url == url


async def test_a_lapsed_permit_changes_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, cinder(lab, clock) as adapter:
        with pytest.raises(LateError):
            await adapter.freeze(A, clock.permit(-0.1))
        assert not lab.cinder.volumes.row(ALPHA).frozen
        assert calls(adapter).seen[-1] == ("freeze", "late")


async def test_a_cinder_that_is_not_there_is_sent_nothing() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, cinder(lab, clock) as adapter:
        lab.keystone.endpoints["block-storage"] = "http://127.0.0.1:9/v3"
        outcome, text = await adapter.freeze(A, clock.permit())
        assert (outcome, text.startswith("nothing was sent")) == (Outcome.UNSENT, True)
        outcome, _ = await adapter.fail_over(FLOCK, "spare", clock.permit())
        assert outcome is Outcome.UNSENT


async def test_a_reason_is_one_that_stays() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, cinder(lab, clock) as adapter:
        await adapter.disable(A, "x" * 300, clock.permit())
        assert lab.cinder.volumes.row(ALPHA).reason == "x" * 254 + "…"


# What is read


def test_a_row_is_read_as_it_stands() -> None:
    (alpha,) = read_services(listed({**ROW, "cluster": "gamma", "disabled_reason": "why"}))
    assert alpha == VolumeService(
        binary=VOLUME,
        host=ALPHA,
        status="enabled",
        state="up",
        zone="nova",
        reason="why",
        updated_at="2026-11-21T02:42:03.000000",
        replication="enabled",
        cluster="gamma",
    )
    other = {name: ROW[name] for name in ("binary", "host", "status", "state")}
    (scheduler,) = read_services(listed({**other, "binary": "cinder-scheduler"}))
    assert scheduler.frozen is False


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"host": None}, "host = None"),
        ({"status": "maybe"}, "status = 'maybe', expected enabled or disabled"),
        ({"state": "UNKNOWN"}, "state = 'UNKNOWN', expected up or down"),
        ({"frozen": None}, "does not say whether it is frozen"),
    ],
)
def test_an_odd_row_is_an_error(row: dict[str, object], why: str) -> None:
    with pytest.raises(Permanent, match=why):
        read_services(listed({**ROW, **row}))


@pytest.mark.parametrize("levels", [None, [], {"cinder": 10}])
def test_odd_levels_are_an_error(levels: object) -> None:
    row = {"binary": VOLUME, "host": ALPHA, "levels": levels}
    with pytest.raises(Permanent, match="are no levels"):
        read_levels(json.dumps({"log_levels": [row]}).encode())


def test_an_endpoint_that_is_no_cinder_3_is_told() -> None:
    assert str(read_offer(json.dumps(VERSIONS).encode()).high) == "3.71"
    wrong: list[dict[str, object]] = [{"versions": []}, {"versions": [{"id": "v2.0"}]}]
    for body in wrong:
        with pytest.raises(Permanent, match="is it Cinder's v3"):
            read_offer(json.dumps(body).encode())
    with pytest.raises(Temporary, match="Cinder's answer is not JSON"):
        read_offer(b"<html>")


# What is checked beforehand


async def test_the_check_changes_nothing_and_finds_nothing_wrong() -> None:
    async with Lab(SMALL) as lab, cinder(lab) as adapter:
        assert await adapter.check() == []
        assert not any(row.disabled or row.frozen for row in lab.cinder.volumes.rows)


async def test_the_check_finds_a_role_that_does_not_suffice() -> None:
    async with Lab(SMALL) as lab, cinder(lab, cloud="project-1") as adapter:
        (only,) = await adapter.check()
        assert "Policy doesn't allow volume_extension:services:index" in only


@pytest.mark.parametrize(
    ("status", "why"), [(403, "the role may not freeze"), (409, "may freeze is not known")]
)
async def test_the_check_asks_for_each_change_by_itself(status: int, why: str) -> None:
    async with Lab(SMALL) as lab, cinder(lab) as adapter:
        lab.faults.add(Rule(service=Service.CINDER, do=Do.STATUS, path="*/freeze", status=status))
        (only,) = await adapter.check()
        assert why in only


async def test_the_check_finds_what_is_too_old_or_not_there() -> None:
    old = CinderOptions(release=27, highest=(3, 27))
    async with Lab(replace(SMALL, cinder=old)) as lab, cinder(lab) as adapter:
        lab.cinder.volumes.rows.clear()
        with pytest.raises(Permanent, match=r"Version 3\.32 is not supported"):
            await adapter.log_levels(LogScope())
        versions, empty = await adapter.check()
        needed = "3.32 is needed to read and set log levels"
        assert versions == f"this Cinder offers microversions 3.0 to 3.27; {needed}"
        assert "lists no cinder-volume at all" in empty
        with pytest.raises(Permanent, match=needed):  # what is offered is known now
            await adapter.log_levels(LogScope())
