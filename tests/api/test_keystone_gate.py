"""Who is let in by a token of Keystone's, and that nobody is let in unseen."""

from __future__ import annotations

import asyncio

import pytest

from doctor_daemon.api.keystone_gate import ASKING_MAX, CACHE_MAX, KeystoneGate
from doctor_daemon.api.served import Source
from doctor_daemon.errors import ConfigError, DoctorError, Permanent, Temporary
from doctor_daemon.ports.identity import Identity
from tests.fakes.clock import HandClock
from tests.inspectors.notifications import inspector, notification
from tests.inspectors.rig import Client, Ledger, Reply, listening, source

MONITOR = Identity("masakari", "service-id", frozenset({"service", "member"}))
TENANT = Identity("eve", "eve-id", frozenset({"member", "reader"}))


class Keystone:
    """Knows two tokens; can be away, and slow."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: DoctorError | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def identify(self, token: str) -> Identity | None:
        self.asked.append(token)
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return {"monitor": MONITOR, "tenant": TENANT}.get(token)


class Scene:
    """A source behind the gate."""

    def __init__(self) -> None:
        self.keystone, self.ledger, self.clock = Keystone(), Ledger(), HandClock()
        self.gate = KeystoneGate(("admin", "service"), self.keystone, self.clock)

    def source(self) -> Source:
        return source(inspector(), self.gate)

    async def post(self, client: Client, **headers: str) -> Reply:
        body = notification(self.ledger.now().wall_s)
        return await client.send("/v1/notifications", body, **headers)


async def test_a_token_with_a_role_is_let_in_and_asked_about_once_a_minute() -> None:
    scene = Scene()
    async with listening(scene.ledger, scene.source()) as client:
        assert (await scene.post(client, X_Auth_Token="monitor")).status == 202
        assert (await scene.post(client, X_Auth_Token="monitor")).status == 409
        assert scene.keystone.asked == ["monitor"]
        scene.clock.move(61.0)
        assert (await scene.post(client, X_Auth_Token="monitor")).status == 409
        assert scene.keystone.asked == ["monitor", "monitor"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"X_Auth_Token": ""}, 401),
        ({"X_Auth_Token": "made-up"}, 401),
        ({"Authorization": "Bearer monitor"}, 401),
        ({"X_Auth_Token": "tenant"}, 403),
    ],
)
async def test_e1_nobody_else_is_let_in(headers: dict[str, str], status: int) -> None:
    scene = Scene()
    async with listening(scene.ledger, scene.source()) as client:
        reply = await scene.post(client, **headers)
        assert reply.status == status
        assert reply.error["message"] == "you may not speak for this source"
        assert client.rejected[0][0] == "masakari"
    assert scene.ledger.taken == []


@pytest.mark.parametrize("error", [Temporary("away"), Permanent("not for us")])
async def test_e1_while_keystone_does_not_say_nobody_is_let_in_unseen(error: DoctorError) -> None:
    scene = Scene()
    scene.keystone.error = error
    async with listening(scene.ledger, scene.source()) as client:
        reply = await scene.post(client, X_Auth_Token="monitor")
        assert reply.status == 503
        assert reply.headers["Retry-After"]
        assert scene.ledger.taken == []
        scene.keystone.error = None
        assert (await scene.post(client, X_Auth_Token="monitor")).status == 202


async def test_a_token_that_is_nobodys_is_asked_about_again_soon() -> None:
    scene = Scene()
    async with listening(scene.ledger, scene.source()) as client:
        for _ in range(2):
            assert (await scene.post(client, X_Auth_Token="made-up")).status == 401
        scene.clock.move(11.0)
        assert (await scene.post(client, X_Auth_Token="made-up")).status == 401
    assert len(scene.keystone.asked) == 2


async def test_e5_made_up_tokens_are_bounded_in_number() -> None:
    scene = Scene()
    for number in range(CACHE_MAX + 5):
        await scene.gate._identity(f"t{number}")  # noqa: SLF001 - what a request leads to
    assert len(scene.gate._known) == CACHE_MAX  # noqa: SLF001 - the bound itself
    scene.keystone.answers.clear()
    waiting = [
        asyncio.create_task(scene.gate._identity(f"u{number}"))  # noqa: SLF001 - as above
        for number in range(ASKING_MAX)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Temporary, match="too many"):
        await scene.gate._identity("one more")  # noqa: SLF001 - as above
    scene.keystone.answers.set()
    assert await asyncio.gather(*waiting) == [None] * ASKING_MAX


async def test_versions_are_told_without_a_token_and_nothing_else_is() -> None:
    scene = Scene()
    async with listening(scene.ledger, scene.source()) as client:
        assert (await client.send("/v1/", method="GET")).status == 200
        assert (await client.send("/v1/notifications", method="GET")).status == 401
        assert (await client.send("/v1/segments", method="GET")).status == 401
    assert scene.keystone.asked == []


def test_without_a_role_there_is_no_gate() -> None:
    with pytest.raises(ConfigError, match="no role"):
        KeystoneGate((), Keystone(), HandClock())
    with pytest.raises(ConfigError, match="cannot be asked"):
        KeystoneGate(("admin",), object(), HandClock())
