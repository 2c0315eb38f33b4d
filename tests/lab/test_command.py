"""`python -m doctor_daemon.lab` as its users meet it, and as keystoneauth does."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from doctor_daemon.lab.__main__ import options, parser
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.servers import OwnerSees
from tests.lab.caller import basic

END_S = 10.0


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[dict[str, Any]]:
    """Run the command, yield what it says, and end it as an operator does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "doctor_daemon.lab", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield json.loads(await asyncio.wait_for(process.stdout.readline(), END_S))
    finally:
        process.send_signal(signal.SIGTERM)
        rest, said = await asyncio.wait_for(process.communicate(), END_S)
    assert (process.returncode, rest, said) == (0, b"", b"")


async def test_it_runs_until_it_is_told_to_end(tmp_path: Path) -> None:
    record, folder = tmp_path / "record.jsonl", tmp_path / "folder"
    folder.mkdir()
    words = ("--hosts=3", "--servers-per-host=2", "--projects=1")
    async with running(*words, f"--record={record}", f"--folder={folder}") as told:
        assert told["hosts"].keys() == {"compute-1", "compute-2", "compute-3"}
        for file in folder.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file
        password = (folder / "bmc-password").read_text()
        assert told["bmc"]["password_file"] == str(folder / "bmc-password")
        async with aiohttp.ClientSession() as session:
            headers = basic(told["bmc"]["user"], password)
            url = told["hosts"]["compute-1"]["system"]
            async with session.get(url, headers=headers) as answer:
                assert (await answer.json())["PowerState"] == "On"
            url = told["control"] + "/hosts/compute-1/power"
            async with session.post(url, json={"power": "off"}) as answer:
                assert answer.status == 204
    kinds = [json.loads(line)["kind"] for line in record.read_text().splitlines()]
    assert kinds.count("guest-start") == 6
    assert kinds[-4:] == ["compute-stop", "guest-stop", "guest-stop", "power-off"]


async def test_tls_everywhere() -> None:
    async with running("--tls", "--hosts=1", "--servers-per-host=1") as told:
        context = ssl.create_default_context(cafile=told["ca"])
        urls = [told["keystone"], f"{told['nova']}/", told["hosts"]["compute-1"]["bmc"]]
        async with aiohttp.ClientSession() as session:
            for url in urls:
                assert url.startswith("https://127.0.0.1:")
                path = "/redfish/v1/" if url == urls[-1] else ""
                async with session.get(url + path, ssl=context) as answer:
                    assert answer.status == 200
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await session.get(url + path)


@pytest.mark.parametrize("cloud", ["doctor", "doctor-credential", "operator", "project-1"])
async def test_keystoneauth_finds_nova_through_the_lab(cloud: str) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        clouds = json.loads((lab.folder / "clouds.yaml").read_text())["clouds"]
        url, status = await asyncio.to_thread(_ask_nova, clouds[cloud])
        assert url == f"{lab.nova.root}/v2.1"
        assert status == (403 if cloud == "project-1" else 200)


def _ask_nova(entry: dict[str, Any]) -> tuple[str | None, int]:
    """Ask with the client that OpenStack's own programs use."""
    auth = entry["auth"]
    plugin = v3.ApplicationCredential if "auth_type" in entry else v3.Password
    with requests.Session() as http:
        session = Session(plugin(**auth), session=http)
        url = session.get_endpoint(service_type="compute", region_name=entry["region_name"])
        return url, session.get(f"{url}/os-services", raise_exc=False).status_code


def test_the_command_line_reaches_every_option() -> None:
    words = (
        "--hosts=1 --servers-per-host=2 --projects=3 --zones=4 --tls --shared-bmc --resume-guests "
        "--report-interval-s=0.1 --service-down-s=0.2 --rpc-timeout-s=0.3 --compute-start-s=0.4 "
        "--token-lifetime-s=0.5 --keystone-delay-s=0.6 --nova-delay-s=0.7 --bmc-delay-s=0.8 "
        "--power-s=0.9 --nova-version=2.60 --owner-sees=full --folder=/f --record=/r"
    )
    chosen = options(parser().parse_args(words.split()))
    assert (chosen.hosts, chosen.servers_per_host, chosen.projects, chosen.zones) == (1, 2, 3, 4)
    assert chosen.tls
    assert chosen.shared_bmc
    assert chosen.resume_guests
    timing, keystone, nova, redfish = chosen.timing, chosen.keystone, chosen.nova, chosen.redfish
    seconds = (timing.report_interval_s, timing.service_down_s, nova.rpc_timeout_s)
    assert seconds == (0.1, 0.2, 0.3)
    assert (timing.compute_start_s, keystone.token_lifetime_s) == (0.4, 0.5)
    assert (keystone.delay_s, nova.delay_s) == (0.6, 0.7)
    assert (redfish.delay_s, redfish.power_s) == (0.8, 0.9)
    assert (nova.highest, nova.owner_sees) == ((2, 60), OwnerSees.FULL)
    assert (chosen.folder, chosen.record) == (Path("/f"), Path("/r"))


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("--hosts=0", "0 is not at least 1"),
        ("--power-s=-1", "-1 is negative"),
        ("--nova-version=two", "API Version String two is of invalid format"),
        ("--owner-sees=all", "invalid OwnerSees value: 'all'"),
    ],
)
def test_a_wrong_command_line(word: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([word])
    assert why in capsys.readouterr().err
