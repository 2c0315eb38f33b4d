"""Who the BMC is: TLS is verified, unless the operator says so in so many words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.fencers.redfish import Redfish, RedfishConfig
from doctor_daemon.ports.secrets import SecretFile
from tests.fakes import peer
from tests.fakes.clock import BootClock
from tests.fakes.peer import Peer
from tests.fakes.tls import Tls
from tests.fencers.systems import PATH, permit, redfish, system

SHOWN = peer.telling(system())
OPTIONS: dict[str, object] = {
    "url": f"https://bmc.example{PATH}",
    "username": "admin",
    "password_file": "bmc",
}


def configured(**options: object) -> RedfishConfig:
    """Make the options as the configuration does: by way of JSON."""
    return Redfish.Config.model_validate_json(json.dumps({**OPTIONS, **options}))


async def test_a_certificate_of_the_named_ca_is_believed(tmp_path: Path, tls: Tls) -> None:
    ca, context = tls
    async with (
        Peer(SHOWN, context) as bmc,
        redfish(bmc.origin + PATH, tmp_path, ca_file=ca, timeout_s=5.0) as device,
    ):
        assert (await device.read()).power is Power.ON


async def test_e4_a_certificate_of_nobody_is_not(tmp_path: Path, tls: Tls) -> None:
    _, context = tls
    clock = BootClock()
    async with (
        Peer(SHOWN, context) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, timeout_s=5.0) as device,
    ):
        with pytest.raises(Temporary, match="certificate verify failed"):
            await device.identify()
        outcome, text = await device.cut(permit(clock))
    assert outcome is Outcome.UNSENT
    assert "nothing was sent" in text
    assert bmc.requests == []


async def test_e4_a_certificate_for_another_name_is_not(tmp_path: Path, tls: Tls) -> None:
    ca, context = tls
    async with (
        Peer(SHOWN, context, "127.0.0.2") as bmc,
        redfish(bmc.origin + PATH, tmp_path, ca_file=ca, timeout_s=5.0) as device,
    ):
        with pytest.raises(Temporary, match=r"127\.0\.0\.2"):
            await device.read()
    assert bmc.requests == []


async def test_it_need_not_be_verified_where_the_operator_says_so(tmp_path: Path, tls: Tls) -> None:
    _, context = tls
    options: dict[str, Any] = {"verify": False, "i_accept_unverified_tls": True, "timeout_s": 5.0}
    async with (
        Peer(SHOWN, context, "127.0.0.2") as bmc,
        redfish(bmc.origin + PATH, tmp_path, None, **options) as device,
    ):
        assert (await device.read()).power is Power.ON


async def test_tls_is_not_spoken_by_all(tmp_path: Path) -> None:
    async with Peer(SHOWN) as bmc:
        url = bmc.origin.replace("http:", "https:") + PATH
        async with redfish(url, tmp_path) as device:
            with pytest.raises(Temporary):
                await device.read()


@pytest.mark.parametrize("content", [None, b"", b"no pem"])
def test_a_ca_file_that_cannot_be_used_is_told_at_once(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    config = configured(ca_file=str(file))
    with pytest.raises(ConfigError, match=r"ca_file: .*ca\.pem cannot be used: \S+"):
        Redfish(config, "bmc", BootClock())


def test_a_ca_file_that_was_changed_is_read_anew(tmp_path: Path, tls: Tls) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(tls[0].read_bytes())
    config = configured(ca_file=str(file))
    assert config.tls() is config.tls()
    before = config.tls()
    file.write_bytes(b"\n" + tls[0].read_bytes())
    assert config.tls() is not before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": f"http://bmc.example{PATH}"}, "i_accept_plain_http"),
        ({"url": f"http://10.0.0.7{PATH}"}, "i_accept_plain_http"),
        ({"url": f"ftp://bmc.example{PATH}"}, "expected https://HOST"),
        ({"url": PATH}, "expected https://HOST"),
        ({"url": ""}, "expected https://HOST"),
        ({"url": "https://["}, "expected https://HOST"),
        ({"url": "https://bmc.example/a\nb"}, "expected https://HOST"),
        ({"url": f"https://root:calvin@bmc.example{PATH}"}, "without user, password"),
        ({"url": f"https://@bmc.example{PATH}#x"}, "without user, password"),
        ({"verify": False}, "i_accept_unverified_tls"),
        ({"username": "a:b"}, "without a colon"),
        ({"username": ""}, "at least 1 character"),
        ({"timeout_s": 0}, "greater than 0"),
        ({"timeout_s": 61}, "less than or equal to 60"),
        ({"timeout_s": float("nan")}, "finite number"),
        ({"timeout_s": "10"}, "valid number"),
        ({"password": "x"}, "not permitted"),
        ({"password_file": 7}, "name of a file"),
    ],
)
def test_an_unsafe_configuration_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        configured(**options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": f"http://127.0.0.1:8000{PATH}"},
        {"url": f"http://[::1]{PATH}"},
        {"url": f"http://localhost{PATH}"},
        {"url": f"http://10.0.0.7{PATH}", "i_accept_plain_http": True},
        {"verify": False, "i_accept_unverified_tls": True},
        {"timeout_s": 3},
    ],
)
def test_a_safe_or_accepted_one_is_taken(options: dict[str, object]) -> None:
    config = configured(**options)
    assert config.password_file == SecretFile("bmc")
    assert "bmc" in repr(config)
