"""Who is let in, who is not, and that nobody learns why."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector, web
from structlog.testing import capture_logs

from doctor_daemon.api.gatekeepers import (
    LOOPBACK,
    AddressGate,
    BearerGate,
    Networks,
    TokenGate,
)
from doctor_daemon.errors import ConfigError
from doctor_daemon.inspectors.alertmanager import Alertmanager
from doctor_daemon.ports import Gatekeeper
from doctor_daemon.ports.secrets import SecretFile
from tests.inspectors.rig import Ledger, Reply, listening, source, terms

OLD, NEW = "an old secret", "a néw secret"
PATH = "/v1/alertmanager"


def secret(folder: Path, name: str, text: str) -> SecretFile:
    path = folder / name
    path.touch(0o600)
    path.write_text(f"{text}\n", encoding="utf-8")
    return SecretFile(path)


async def asked(gate: Gatekeeper, headers: Sequence[tuple[str, str]]) -> Reply:
    """Send a request with these very headers, and a body that is wrong: 400 says it got in."""
    made = Alertmanager(Alertmanager.Config(), terms("am"))
    async with listening(Ledger(), source(made, gate)) as client:
        raw = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
        head = b"POST /v1/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        json = b"Content-Type: application/json\r\n"
        return read(await client.wire(head + json + raw + b"\r\n{}"))


def read(answer: bytes) -> Reply:
    """Take an answer apart."""
    head, _, body = answer.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Reply(int(first.split()[1]), headers, body)


ADMITTED = 400
REFUSED = 401
BEARER: list[tuple[list[tuple[str, str]], int]] = [
    ([("Authorization", f"Bearer {OLD}")], ADMITTED),
    ([("Authorization", f"Bearer {NEW}")], ADMITTED),
    ([("authorization", f"bearer {NEW}")], ADMITTED),
    ([("Authorization", f"BEARER   {NEW}  ")], ADMITTED),
    ([], REFUSED),
    ([("Authorization", "")], REFUSED),
    ([("Authorization", "Bearer")], REFUSED),
    ([("Authorization", "Bearer ")], REFUSED),
    ([("Authorization", OLD)], REFUSED),
    ([("Authorization", f"Basic {OLD}")], REFUSED),
    ([("Authorization", f"Bearer {OLD}x")], REFUSED),
    ([("Authorization", f"Bearer {OLD[:-1]}")], REFUSED),
    ([("Authorization", f"Bearer {OLD.upper()}")], REFUSED),
    ([("Authorization", f"Bearer {OLD}"), ("Authorization", f"Bearer {OLD}")], REFUSED),
    ([("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {OLD}")], REFUSED),
    ([("X-Auth-Token", OLD)], REFUSED),
]
TOKEN: list[tuple[list[tuple[str, str]], int]] = [
    ([("X-Auth-Token", OLD)], ADMITTED),
    ([("x-auth-token", NEW)], ADMITTED),
    ([], REFUSED),
    ([("X-Auth-Token", "")], REFUSED),
    ([("X-Auth-Token", f"{OLD}x")], REFUSED),
    ([("X-Auth-Token", "None")], REFUSED),
    ([("X-Auth-Token", OLD), ("X-Auth-Token", OLD)], REFUSED),
    ([("Authorization", f"Bearer {OLD}")], REFUSED),
]


@pytest.mark.parametrize(("headers", "status"), BEARER)
async def test_a_bearer_is_one_of_the_secrets_exactly(
    tmp_path: Path, headers: list[tuple[str, str]], status: int
) -> None:
    gate = BearerGate([secret(tmp_path, "old", OLD), secret(tmp_path, "new", NEW)])
    assert (await asked(gate, headers)).status == status


@pytest.mark.parametrize(("headers", "status"), TOKEN)
async def test_a_token_is_one_of_the_secrets_exactly(
    tmp_path: Path, headers: list[tuple[str, str]], status: int
) -> None:
    gate = TokenGate([secret(tmp_path, "old", OLD), secret(tmp_path, "new", NEW)])
    assert (await asked(gate, headers)).status == status


async def test_bytes_that_are_no_text_are_no_secret(tmp_path: Path) -> None:
    made = Alertmanager(Alertmanager.Config(), terms("am"))
    gate = BearerGate([secret(tmp_path, "old", OLD)])
    async with listening(Ledger(), source(made, gate)) as client:
        head = b"POST /v1/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
        answer = await client.wire(head + b"Authorization: Bearer \xff\xfe\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_nobody_learns_what_was_wrong(tmp_path: Path) -> None:
    gate = BearerGate([secret(tmp_path, "old", OLD)])
    refused = [headers for headers, status in BEARER if status == REFUSED]
    replies = [await asked(gate, headers) for headers in refused]
    assert {reply.text for reply in replies} == {replies[0].text}
    assert {reply.headers["WWW-Authenticate"] for reply in replies} == {"Bearer"}
    assert replies[0].error == {
        "code": "unauthorized",
        "field": "",
        "message": "you may not speak for this source",
        "expected": "",
    }


async def test_b18_a_secret_is_changed_without_a_restart_and_without_a_gap(tmp_path: Path) -> None:
    first, second = secret(tmp_path, "first", OLD), secret(tmp_path, "second", OLD)
    made = Alertmanager(Alertmanager.Config(), terms("am"))

    async with listening(Ledger(), source(made, BearerGate([first, second]))) as client:

        async def status(bearer: str) -> int:
            return (await client.send(PATH, {}, Authorization=f"Bearer {bearer}")).status

        assert (await status(OLD), await status("newer")) == (ADMITTED, REFUSED)
        secret(tmp_path, "second", "newer")
        assert (await status(OLD), await status("newer")) == (ADMITTED, ADMITTED)
        secret(tmp_path, "first", "newer")
        assert (await status(OLD), await status("newer")) == (REFUSED, ADMITTED)


async def test_a_secret_that_cannot_be_read_is_our_trouble_and_not_the_senders(
    tmp_path: Path,
) -> None:
    open_to_all = secret(tmp_path, "open", "readable by others")
    open_to_all.path.chmod(0o644)
    gate = BearerGate([open_to_all, SecretFile(tmp_path / "gone"), secret(tmp_path, "good", NEW)])
    lets_in = await asked(gate, [("Authorization", f"Bearer {NEW}")])
    may_be_right = await asked(gate, [("Authorization", "Bearer readable by others")])
    assert (lets_in.status, may_be_right.status) == (ADMITTED, 503)
    assert may_be_right.error["code"] == "unavailable"
    assert "tmp" not in may_be_right.text
    assert (await asked(gate, [])).status == REFUSED


ADDRESSES: list[tuple[Networks, int]] = [
    (LOOPBACK, ADMITTED),
    ((ip_network("127.0.0.1/32"),), ADMITTED),
    ((ip_network("10.0.0.0/8"), ip_network("127.0.0.0/31")), ADMITTED),
    ((ip_network("10.0.0.0/8"), ip_network("::1/128")), 403),
    ((ip_network("127.0.0.2/32"),), 403),
]


@pytest.mark.parametrize(("networks", "status"), ADDRESSES)
async def test_an_address_is_the_peers_own(networks: Networks, status: int) -> None:
    gate = AddressGate(networks)
    assert (await asked(gate, [])).status == status
    forwarded = [("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1")]
    assert (await asked(gate, forwarded)).status == status


async def test_a_page_in_a_browser_does_not_speak_for_a_source() -> None:
    reply = await asked(AddressGate(), [("Origin", "http://127.0.0.1:12345")])
    assert reply.status == 403
    assert reply.error["message"] == "you may not speak for this source"


@asynccontextmanager
async def behind(gate: Gatekeeper) -> AsyncIterator[web.AppRunner]:
    """Serve an empty page behind a gate, wherever a test likes."""

    async def handler(request: web.Request) -> web.Response:
        gate.admit(request)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("local", "networks", "status"),
    [
        ("::1", LOOPBACK, 200),
        ("::1", (ip_network("127.0.0.0/8"),), 403),
        ("::ffff:127.0.0.1", LOOPBACK, 200),
        ("::ffff:127.0.0.1", (ip_network("::1/128"),), 403),
    ],
)
async def test_ipv6_and_what_is_mapped_into_it(local: str, networks: Networks, status: int) -> None:
    with socket.socket(socket.AF_INET6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((local, 0))
        port = sock.getsockname()[1]
        async with behind(AddressGate(networks)) as runner, ClientSession() as session:
            await web.SockSite(runner, sock).start()
            host = "[::1]" if local == "::1" else "127.0.0.1"
            async with session.get(f"http://{host}:{port}/") as answer:
                assert answer.status == status


async def test_a_gate_is_asked_once_a_request() -> None:
    asked_for: list[str] = []

    class Counting:
        def admit(self, request: web.Request) -> None:
            asked_for.append(request.path)

    made = Alertmanager(Alertmanager.Config(), terms("am"))
    async with listening(Ledger(), source(made, Counting())) as client:
        await client.send(PATH, {})
        await client.send(PATH, {})
        await client.send("/elsewhere", {})
    assert asked_for == [PATH, PATH]


async def test_a_peer_without_an_address_is_not_let_in(tmp_path: Path) -> None:
    async with behind(AddressGate()) as runner:
        await web.UnixSite(runner, tmp_path / "socket").start()
        connector = UnixConnector(str(tmp_path / "socket"))
        async with ClientSession(connector=connector) as session, session.get("http://x") as answer:
            assert answer.status == 403


def test_a13_a_gate_that_would_let_in_nobody_or_everybody_is_refused() -> None:
    with pytest.raises(ConfigError, match="found none; expected at least one"):
        AddressGate(())
    for everybody in ("0.0.0.0/0", "::/0"):
        with pytest.raises(ConfigError, match=f"found {everybody}; expected less than every"):
            AddressGate((ip_network(everybody),))
    with pytest.raises(ConfigError, match="at least one that holds a bearer token"):
        BearerGate(())
    with pytest.raises(ConfigError, match="at least one that holds a token"):
        TokenGate(())


async def test_failures_are_counted_for_each_source(tmp_path: Path) -> None:
    made = Alertmanager(Alertmanager.Config(), terms("am"))
    gate = BearerGate([secret(tmp_path, "s", OLD)])
    async with listening(Ledger(), source(made, gate)) as client:
        for _ in range(2):
            await client.send(PATH, {}, Authorization="Bearer wrong")
        await client.send(PATH, {}, Authorization=f"Bearer {OLD}")
        await client.send("/elsewhere", {})
    assert client.rejected == [
        ("am", "unauthorized"),
        ("am", "unauthorized"),
        ("am", "missing"),
        ("-", "not_found"),
    ]


async def test_no_secret_is_ever_logged(tmp_path: Path) -> None:
    gate = BearerGate([secret(tmp_path, "s", OLD)])
    with capture_logs() as logs:
        await asked(gate, [("Authorization", "Bearer a-guess-that-is-wrong")])
        await asked(gate, [("Authorization", f"Bearer {OLD}")])
    assert logs != []
    assert OLD not in repr(logs)
    assert "a-guess" not in repr(logs)
