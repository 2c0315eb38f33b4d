"""Certificates: ours, and those that sources show."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import ssl
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, TCPConnector
from structlog.testing import capture_logs

from doctor_daemon.api.certified import CertificateGate
from doctor_daemon.api.connection import Limits
from doctor_daemon.api.encrypted import Certificates
from doctor_daemon.errors import ConfigError
from doctor_daemon.lab import certificates
from doctor_daemon.ports.secrets import SecretFile
from tests.api.rig import BODY, doctor
from tests.fakes.tls import Tls, issued
from tests.inspectors.rig import Client, Ledger, listening, source

NAME = "dns:monitor.example.org"


@pytest.fixture
async def shown(tls: Tls, tmp_path: Path) -> Path:
    return await issued(tls[0].parent, tmp_path)


@pytest.fixture
def ours(tls: Tls, tmp_path: Path) -> Certificates:
    return copied(tls, tmp_path)


def copied(tls: Tls, folder: Path) -> Certificates:
    """Copy the server's certificate and key, so that they can be changed."""
    for name in ("server.pem", "server.key"):
        shutil.copy(tls[0].parent / name, folder / name)
    (folder / "server.key").chmod(0o600)
    return Certificates(folder / "server.pem", SecretFile(folder / "server.key"), tls[0])


async def put(client: Client, tls: Tls, shown: Path | None = None) -> int:
    """Send an event over TLS; return the status."""
    context = ssl.create_default_context(cafile=tls[0])
    if shown is not None:
        context.load_cert_chain(shown)
    url = f"https://127.0.0.1:{client.listener.port}/events"
    headers = {"Content-Type": "application/json"}
    async with (
        ClientSession(
            timeout=ClientTimeout(total=10), connector=TCPConnector(ssl=context)
        ) as session,
        session.put(url, data=BODY, headers=headers) as answer,
    ):
        await answer.read()
        return answer.status


@pytest.mark.parametrize("name", [NAME, "uri:spiffe://example.org/monitor", "cn:monitor 1"])
async def test_e1_who_shows_a_named_certificate_is_let_in(
    tls: Tls, ours: Certificates, shown: Path, name: str
) -> None:
    ledger = Ledger()
    gate = CertificateGate(["dns:other", name])
    async with listening(ledger, source(doctor(), gate), tls=ours) as client:
        assert await put(client, tls, shown) == 200
    assert len(ledger.taken) == 1


def hash_of(pem: Path) -> str:
    der = ssl.PEM_cert_to_DER_cert(pem.read_text().partition("-----BEGIN PRIVATE")[0])
    return hashlib.sha256(der).hexdigest()


async def test_e1_a_certificate_may_be_named_by_its_hash(
    tls: Tls, ours: Certificates, shown: Path
) -> None:
    gate = CertificateGate([f"sha256:{hash_of(shown)}"])
    async with listening(Ledger(), source(doctor(), gate), tls=ours) as client:
        assert await put(client, tls, shown) == 200


@pytest.mark.parametrize(
    "name", ["dns:example.org", "dns:*.example.org", "uri:monitor.example.org", "cn:monitor"]
)
async def test_e1_another_s_certificate_and_none_are_refused(
    tls: Tls, ours: Certificates, shown: Path, name: str
) -> None:
    ledger = Ledger()
    gate = CertificateGate([name])
    async with listening(ledger, source(doctor(), gate), tls=ours) as client:
        assert await put(client, tls, shown) == 401
        assert await put(client, tls) == 401
    assert client.rejected == [("doctor", "wrong_certificate"), ("doctor", "no_certificate")]
    assert ledger.taken == []


async def test_e1_in_plain_http_nobody_shows_one() -> None:
    async with listening(Ledger(), source(doctor(), CertificateGate([NAME]))) as client:
        assert (await client.send("/events", BODY, method="PUT")).status == 401


async def test_e1_a_certificate_of_another_authority_is_no_greeting(
    tls: Tls, ours: Certificates, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    await certificates.make(other)
    ledger = Ledger()
    async with listening(ledger, source(doctor(), CertificateGate([NAME])), tls=ours) as client:
        with pytest.raises((ClientConnectionError, OSError)):
            await put(client, tls, await issued(other))
        async with asyncio.timeout(10):
            while not client.rejected:  # noqa: ASYNC110 - nothing else tells of it
                await asyncio.sleep(0.01)
    assert set(client.rejected) == {("-", "no_tls")}  # aiohttp tries twice
    assert ledger.taken == []


async def test_e5_a_greeting_that_does_not_end_is_ended_and_counts(
    tls: Tls, ours: Certificates
) -> None:
    limits = Limits(connections=2, head_s=0.5)
    async with listening(Ledger(), source(doctor()), limits=limits, tls=ours) as client:
        port = client.listener.port
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        with pytest.raises((ClientConnectionError, OSError)):
            await put(client, tls)
        for reader, writer in idle:
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        assert await put(client, tls) == 200
    assert sorted(client.rejected) == [*[("-", "no_tls")] * 2, ("-", "too_many_connections")]


async def test_plain_http_is_not_spoken_where_tls_is(ours: Certificates) -> None:
    async with listening(Ledger(), source(doctor()), tls=ours) as client:
        assert not (await client.wire(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP")


async def test_a_changed_certificate_counts_at_once_and_a_broken_one_does_not(
    tls: Tls, ours: Certificates, tmp_path: Path
) -> None:
    file = tmp_path / "server.pem"
    right = file.read_text()
    before = ours.context()
    assert ours.context() is before
    with capture_logs() as lines:
        file.write_text("broken")
        assert ours.context() is before
        assert ours.context() is before
        file.write_text(f"{right}\n")
        assert ours.context() is not before
    assert [line["event"] for line in lines] == [
        "certificate not taken: the last one stays in use",
        "certificate taken anew",
    ]


def test_files_that_are_not_there_are_told_at_the_start(tls: Tls, tmp_path: Path) -> None:
    copied(tls, tmp_path)
    (tmp_path / "server.pem").unlink()
    with pytest.raises(ConfigError, match=r"server.pem, its key or client_ca_file cannot be used"):
        certificates_in(tmp_path)
    (tmp_path / "server.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        certificates_in(tmp_path)


def certificates_in(folder: Path) -> Certificates:
    return Certificates(folder / "server.pem", SecretFile(folder / "server.key"), None)
