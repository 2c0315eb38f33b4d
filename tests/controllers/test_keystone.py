"""Keystone, by keystoneauth: which ways to log in are taken, and what each failure means."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from doctor_daemon.controllers import keystone
from doctor_daemon.controllers.clouds import Cloud, read_cloud
from doctor_daemon.controllers.keystone import Grant, Keystone, load_plugin
from doctor_daemon.errors import ConfigError, DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import ADMIN, CREDENTIAL, Lab, LabOptions
from doctor_daemon.lab.credentials import CLOUDS
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.ports.secrets import SecretFile
from tests.controllers.rigs import (
    CATALOGUE_URL,
    endpoint,
    entry,
    issuing,
    keystone_token,
    secret_file,
)
from tests.fakes.peer import Answer, Peer, answering, hanging, raw, sending

SECRET = "hunter2-very-secret"


def _cloud(lab: Lab, name: str = ADMIN) -> Cloud:
    return read_cloud(SecretFile(lab.folder / CLOUDS), name)


async def _grant(cloud: Cloud, timeout_s: float = 5.0) -> Grant:
    return await asyncio.to_thread(Keystone(lambda: cloud, timeout_s).grant)


@pytest.mark.parametrize("name", [ADMIN, CREDENTIAL])
async def test_a_token_is_granted(name: str) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        grant = await _grant(_cloud(lab, name))
        assert grant.url == f"{lab.nova.root}/v2.1"
        assert lab.identity.token(grant.headers["X-Auth-Token"]) is not None
        assert grant.lifetime_s == pytest.approx(3600, abs=2)
        assert grant.project == lab.admin.project.id
        assert "admin" in grant.roles
        assert not grant.system
        assert grant.headers["X-Auth-Token"] not in repr(grant)


async def test_tls_is_verified_against_the_clouds_own_ca(tmp_path: Path) -> None:
    async with Lab(LabOptions(hosts=1, tls=True)) as lab:
        assert (await _grant(_cloud(lab))).url.startswith("https://")
        document = json.loads((lab.folder / CLOUDS).read_text())
        del document["clouds"][ADMIN]["cacert"]
        cloud = read_cloud(secret_file(tmp_path, "clouds.yaml", document), ADMIN)
        with pytest.raises(Temporary, match="SSL"):
            await _grant(cloud)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
async def test_tls_is_not_verified_where_the_entry_says_so(tmp_path: Path) -> None:
    async with Lab(LabOptions(hosts=1, tls=True)) as lab:
        document = json.loads((lab.folder / CLOUDS).read_text())
        del document["clouds"][ADMIN]["cacert"]
        document["clouds"][ADMIN]["verify"] = False
        cloud = read_cloud(secret_file(tmp_path, "clouds.yaml", document), ADMIN)
        assert (await _grant(cloud)).project == lab.admin.project.id


async def test_a_wrong_password_is_permanent_and_not_shown(tmp_path: Path) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        file = secret_file(
            tmp_path, "clouds.yaml", {"clouds": {"admin": entry(f"{lab.keystone.root}/v3")}}
        )
        with pytest.raises(
            Permanent, match=r"refuses the credentials of .*clouds\.admin"
        ) as caught:
            await _grant(read_cloud(file, "admin"))
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_keystone_in_trouble_is_temporary(status: int) -> None:
    async with Lab(LabOptions(hosts=1)) as lab:
        lab.faults.add(
            Rule(service=Service.KEYSTONE, do=Do.STATUS, status=status, method="POST", times=None)
        )
        with pytest.raises(Temporary, match="gave no token"):
            await _grant(_cloud(lab))


async def test_a_keystone_that_is_gone_is_temporary(tmp_path: Path) -> None:
    file = secret_file(
        tmp_path, "clouds.yaml", {"clouds": {"admin": entry("http://127.0.0.1:9/v3")}}
    )
    with pytest.raises(Temporary, match="ConnectFailure"):
        await _grant(read_cloud(file, "admin"))


async def _granted(
    answer: Answer,
    timeout_s: float = 5.0,
    *,
    region: str = "",
    interface: str = "public",
    compute_url: str = "",
) -> Grant:
    async with Peer(answer) as peer:
        auth = {"auth_url": f"{peer.origin}/v3", "user_id": "u", "password": SECRET}
        cloud = Cloud(
            name="admin",
            file=Path("clouds.yaml"),
            auth_type="v3password",
            auth=auth,
            region=region,
            interface=interface,
            compute_url=compute_url,
        )
        return await _grant(cloud, timeout_s)


async def test_the_catalogues_endpoint_is_used_as_it_stands() -> None:
    grant = await _granted(issuing(keystone_token()))
    assert (grant.url, grant.lifetime_s) == (CATALOGUE_URL, 3600.0)


async def test_an_override_wins_and_knows_the_project() -> None:
    override = "http://127.0.0.1:2/v2/%(project_id)s"
    grant = await _granted(issuing(keystone_token(catalog=[])), compute_url=override)
    assert grant.url == "http://127.0.0.1:2/v2/p1"


async def test_one_of_two_regions_must_be_named() -> None:
    regions = [endpoint("R1", CATALOGUE_URL), endpoint("R2", "http://127.0.0.1:2/v2.1")]
    two = issuing(keystone_token(catalog=[{"type": "compute", "endpoints": regions}]))
    with pytest.raises(Permanent, match="region_name: missing; expected one of R1, R2"):
        await _granted(two)
    assert (await _granted(two, region="R2")).url == "http://127.0.0.1:2/v2.1"
    with pytest.raises(Permanent, match=r"no public endpoint of compute in region R3.*R1, R2"):
        await _granted(two, region="R3")


async def test_a_catalogue_without_compute_is_permanent() -> None:
    with pytest.raises(Permanent, match="has no internal endpoint of compute"):
        await _granted(issuing(keystone_token()), interface="internal")
    with pytest.raises(Permanent, match="is the token of a project"):
        await _granted(issuing(keystone_token(catalog=[], project=None)))


async def test_a_system_scoped_token_says_so() -> None:
    grant = await _granted(issuing(keystone_token(system={"all": True}, project=None)))
    assert (grant.system, grant.project) == (True, "")


async def test_a_token_without_an_end_is_refused() -> None:
    early = "2025-12-31T00:00:00Z"
    with pytest.raises(Permanent, match="does not say how long it lives"):
        await _granted(issuing(keystone_token(expires_at=early)))


@pytest.mark.parametrize(
    "document",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"token": {}}',
        b'{"token": []}',
        json.dumps(keystone_token(catalog=[{"type": "compute", "endpoints": [1]}])).encode(),
    ],
)
async def test_nonsense_is_temporary(document: bytes) -> None:
    with pytest.raises(Temporary, match="Keystone"):
        await _granted(issuing(document))


async def test_a_redirect_is_not_followed() -> None:
    async with Peer(issuing(keystone_token())) as elsewhere:
        away = answering(307, b"", {"Location": f"{elsewhere.origin}/v3/auth/tokens"})
        with pytest.raises(DoctorError):
            await _granted(away)
        assert elsewhere.connections == 0


async def test_a_silent_keystone_is_temporary() -> None:
    with pytest.raises(Temporary, match="timed out"):
        await _granted(hanging, timeout_s=0.2)


async def test_an_answer_without_end_is_not_read(recwarn: pytest.WarningsRecorder) -> None:
    some = b" " * (keystone.ANSWER_MAX + 1024)
    endless = raw(201, some, {"Content-Length": "10000000000"})
    with pytest.raises(Temporary, match="larger than 8388608 bytes"):
        await _granted(sending(endless))
    assert not recwarn


async def test_half_an_answer_is_temporary() -> None:
    async def half(_request: object, writer: asyncio.StreamWriter) -> None:
        writer.write(raw(201, b"{}", {"Content-Length": "100"}))
        await writer.drain()
        writer.close()

    with pytest.raises(Temporary, match="Keystone gave no token"):
        await _granted(half)


def _with_auth(auth_type: str, **auth: str) -> Cloud:
    return Cloud(
        "admin", Path("clouds.yaml"), auth_type, {"auth_url": "http://127.0.0.1/v3", **auth}
    )


@pytest.mark.parametrize(
    ("auth_type", "why"),
    [
        ("v3oidcauthcode", "it asks a person"),
        ("v3oidcdeviceauthz", "it asks a person"),
        ("v3totp", "runs out and cannot be renewed"),
        ("token", "runs out and cannot be renewed"),
        ("v2password", "version 2 is gone"),
        ("telepathy", "which keystoneauth does not know"),
    ],
)
def test_a_way_to_log_in_that_cannot_last_is_refused(auth_type: str, why: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"clouds\.admin\.auth_type: found .*{why}.*expected pass"
    ):
        load_plugin(_with_auth(auth_type, username="a", password="b"))


def test_a_plugin_without_keystone_is_refused() -> None:
    cloud = Cloud("admin", Path("clouds.yaml"), "none", {})
    with pytest.raises(ConfigError, match="brings no token"):
        load_plugin(cloud)


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"auth\.projct_name: password takes no such key"):
        load_plugin(_with_auth("password", username="a", password=SECRET, projct_name="x"))


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match=r"admin\.auth: .*secret"):
        load_plugin(_with_auth("v3applicationcredential", application_credential_id="a"))


def test_an_older_spelling_is_taken() -> None:
    plugin = load_plugin(_with_auth("password", username="a", password="b", tenant_name="t"))
    assert plugin.auth_url == "http://127.0.0.1/v3"


def test_an_application_credential_takes_no_project() -> None:
    auth = {"application_credential_id": "a", "application_credential_secret": SECRET}
    with pytest.raises(ConfigError, match=r"auth\.project_name: .* has its project already") as no:
        load_plugin(_with_auth("v3applicationcredential", **auth, project_name="admin"))
    assert SECRET not in str(no.value)
