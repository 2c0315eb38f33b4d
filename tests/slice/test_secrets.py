"""I-16: a daemon with a secret of its own in every place for one, among good and bad peers.

Every bad peer repeats all that it is told. After that none of the secrets stands in anything that
anybody but its own peer gets to see: the log, the state, notices, answers, metrics, command lines
and environments.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession

from doctor_daemon.cli.demo.alerts import alert
from doctor_daemon.lab import certificates
from doctor_daemon.lab.world import Failure
from tests.fencers.agents import scripted
from tests.slice.monitor import BEARER, BEGAN_S
from tests.slice.places import ELSEWHERE, Secrets, every_place, filled
from tests.slice.process import daemon
from tests.slice.prying import Eyes, echo, echo_of_amqp
from tests.slice.site import LIMIT_S, LOOK_S, Site, free_port, site
from tests.slice.test_reload import Config, dumped, loaded, reload

FIRST, SECOND, THIRD = "compute-1", "compute-2", "compute-3"
COMMANDS = ("check-config", "probe")
LOUD = 'printf "%s\\n" "$given" >&2; printf "%s\\n" "$given"; exit 1'
"""An agent that fails, and repeats all that it was given."""


def sources(kept: Secrets, port: int, bad: str, broker: str) -> list[Config]:
    """Every type that has a secret, and every way to prove who one is that has one."""
    prometheus = {
        "type": "prometheus",
        "trust": "second",
        "query": "up",
        "url": bad,
        "every_s": 0.5,
    }
    beats = {"keys": [{"secret_file": kept.file("beats")}], "hbv2_key_files": [kept.file("hbv2")]}
    return [
        {
            "name": "alerts",
            "type": "alertmanager",
            "trust": "alone",
            "auth": {"bearer_file": kept.file("bearer", BEARER)},
        },
        {
            "name": "script",
            "type": "evidence",
            "kind": "script",
            "trust": "second",
            "auth": {"token_file": kept.file("token")},
        },
        {
            "name": "signed",
            "type": "doctor",
            "trust": "second",
            "auth": {"hmac_files": [kept.key("hmac"), kept.key("hmac-next")]},
        },
        {**prometheus, "name": "prom", "bearer_file": kept.file("prom")},
        {**prometheus, "name": "basic", "username": "us", "password_file": kept.file("basic")},
        {
            **beats,
            "name": "beats",
            "type": "heartbeat",
            "trust": "second",
            "listen": [f"127.0.0.1:{port}"],
            "memory_file": "heartbeat.memory",
        },
        {
            "name": "rabbit",
            "type": "nova_notifications",
            "addresses": [broker],
            "tls": False,
            "username": "us",
            "password_file": kept.file("rabbit"),
        },
    ]


def consumers(kept: Secrets, bad: str) -> list[Config]:
    ours = {"audience": {"operators": True}, "i_accept_plain_http": True}
    return [
        {
            **ours,
            "name": "hook",
            "type": "webhook",
            "url": f"{bad}/hook",
            "secret_file": kept.key("hook"),
            "previous_secret_file": kept.key("hook-previous"),
        },
        {
            **ours,
            "name": "alarms",
            "type": "doctor",
            "url": f"{bad}/failure",
            "bearer_file": kept.file("alarms"),
        },
    ]


def levels(kept: Secrets, agent: Path, bad: str) -> dict[str, list[Any]]:
    """Devices that fail, and say all that they were told."""
    uuid = "00000000-0000-4000-8000-00000000000{}"
    known, third = ({"uuid": uuid.format(number), "timeout_s": 1} for number in (2, 3))
    ipmi = {
        **known,
        "type": "ipmi",
        "address": "127.0.0.1",
        "port": free_port(),
        "username": "ops",
        "password_file": kept.file("ipmi"),
        "next_password_file": kept.file("ipmi-next"),
    }
    other = {
        **third,
        "type": "fence_agent",
        "agent": str(agent),
        "parameters": {"plug": "1"},
        "secrets": {"password": kept.file("agent")},
        "i_accept_no_identity": True,
    }
    redfish = {
        **third,
        "type": "redfish",
        "url": f"{bad}/redfish/v1/Systems/1",
        "username": "ops",
        "password_file": kept.file("redfish"),
        "next_password_file": kept.file("redfish-next"),
    }
    return {SECOND: [[ipmi], "manual"], THIRD: [[other], [redfish], "manual"]}


async def configured(place: Site, kept: Secrets, bad: str, broker: str) -> None:
    """Have a secret in every place for one."""
    own = place.folder / "tls"
    own.mkdir()
    await certificates.make(own)
    kept.made["key"] = (own / "server.key").read_text().splitlines()[1]
    kept.files.add("tls/server.key")
    options = place._options()  # noqa: SLF001 - the file, before more is put into it
    kept.of_the_cloud(options["cloud"])
    devices = levels(kept, scripted(place.folder, LOUD), bad)
    hosts = [
        {**one, "levels": devices.get(one["names"], one["levels"])} for one in options["hosts"]
    ]
    changes = {
        "sources": sources(kept, free_port(), bad, broker),
        "watchdogs": {
            "listen": f"127.0.0.1:{free_port()}",
            "keys": [{"secret_file": kept.file("watchdogs")}],
            "file": str(place.folder / "watchdogs.json"),
        },
        "consumers": [*options["consumers"], *consumers(kept, bad)],
        "hosts": hosts,
        "tls": {"certificate_file": "tls/server.pem", "key_file": "tls/server.key"},
        "probes": {"every_s": 60},
        "log": {"format": "json", "level": "debug"},
    }
    place.changes = json.loads(json.dumps(changes))  # each place with an object of its own


async def accused(place: Site, name: str) -> None:
    """Have the monitor call a host down."""
    tls = ssl.create_default_context(cafile=place.folder / "tls" / "ca.pem")
    headers = {"Authorization": f"Bearer {BEARER}"}
    url = f"https://127.0.0.1:{place.evidence_port}/v1/alertmanager"
    async with (
        ClientSession() as session,
        session.post(url, json=alert(name, BEGAN_S), headers=headers, ssl=tls) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def answers(place: Site, kept: Secrets) -> bytes:
    """Return all that is answered: to operators, to Prometheus, and to who is not let in."""
    said = [(await place.get(path))[1] for path in ("/metrics", "/healthz", "/readyz", "/nowhere")]
    asked = ("/v1/status", *(f"/v1/hosts/{name}" for name in (FIRST, SECOND, THIRD)))
    said += [json.dumps(await place.ask("GET", resource)) for resource in asked]
    base = f"https://127.0.0.1:{place.evidence_port}"
    async with ClientSession() as session:
        for name, text in kept.made.items():
            headers = {"Authorization": f"Bearer {text}x", "X-Auth-Token": f"{text}x"}
            for path in ("/v1/alertmanager", "/v1/evidence", f"/{name}"):
                wrong = {"no": text, "evidence": text}
                url = base + path
                async with session.post(url, json=wrong, headers=headers, ssl=False) as answer:
                    assert answer.status in {401, 404}
                    said.append(await answer.text())
    return "\n".join(said).encode()


async def command(place: Site, name: str) -> bytes:
    """Return what an operator's command prints."""
    made = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "doctor_daemon.cli.main", name),
        *("--config", str(place.folder / "doctor-daemon.yaml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return (await made.communicate())[0]


async def test_i16_every_place_for_a_secret_has_one(tmp_path: Path) -> None:
    kept = Secrets(tmp_path)
    async with site(tmp_path) as place:
        await configured(place, kept, "http://127.0.0.1:9", "127.0.0.1:9")
        there = set(filled(yaml.safe_load(place.config.read_text()), kept.files))
    assert every_place() - there == ELSEWHERE


async def test_i16_no_secret_is_seen_by_anybody_but_its_peer(tmp_path: Path) -> None:
    kept = Secrets(tmp_path)
    async with (
        echo(500) as (bad, heard),
        echo_of_amqp() as (broker, logins),
        site(tmp_path) as place,
    ):
        await configured(place, kept, bad, broker)
        async with daemon(place) as process:
            eyes = Eyes(process.pid)
            async with eyes.open():
                await place.arm()
                for name in (FIRST, SECOND, THIRD):
                    place.lab.world.fail(name, Failure.COMPUTE)
                    await accused(place, name)
                await place.until(FIRST, "down")
                for name in (SECOND, THIRD):
                    await place.until(name, "held")
                said = await answers(place, kept)
                spoilt = {**loaded(place), "sources": [{"name": "x", "type": "y", "auth": {}}]}
                await reload(place, process, dumped(spoilt), "refused")
                await until_heard(heard, ("hook", "failure", "query", "redfish"))
                await until_heard(logins, ("us",))
                printed = await asyncio.gather(*(command(place, one) for one in COMMANDS))
        files = [one for one in (tmp_path / "state").glob("*") if one.is_file()]
        told = json.dumps([one.event for one in place.lab.consumer.receipts])
        seen = {
            "the log": place.log.read_bytes(),
            "the state": b"".join(one.read_bytes() for one in files),
            "answers": said,
            "commands": b"".join(printed),
            "notices": told.encode(),
            "/proc": b"".join(eyes.seen),
        }
    repeated = " ".join(kept.found_in("\n".join(heard + logins).encode()))
    loud = ("prom", "basic", "redfish", "alarms", "rabbit")
    assert all(name in repeated for name in loud), repeated
    assert any("ipmitool" in one for one in eyes.programs), eyes.programs
    assert {where: kept.found_in(content) for where, content in seen.items()} == {
        where: [] for where in seen
    }
    assert all(len(content) > 100 for content in seen.values())


async def until_heard(heard: list[str], parts: tuple[str, ...]) -> None:
    """See that the bad peers were really asked."""
    async with asyncio.timeout(LIMIT_S):
        while not all(any(part in said for said in heard) for part in parts):  # noqa: ASYNC110 - a peer
            await asyncio.sleep(LOOK_S)
