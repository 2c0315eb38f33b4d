"""Whose a token is, as Keystone tells; and that nothing else than its own no is taken for one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.ports.identity import Identifying, Identity
from tests.controllers.rigs import (
    SMALL,
    FastClock,
    calls,
    entry,
    issuing,
    keystone_token,
    nova,
    secret_file,
)
from tests.fakes.peer import Answer, Peer, Request, answering


async def test_a_token_is_told_with_its_roles() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        assert isinstance(adapter, Identifying)
        token = lab.identity.issue(lab.admin, lab.admin.project, "password")
        found = await adapter.identify(token.text)
        assert found is not None
        assert (found.user, found.project) == (lab.admin.name, lab.admin.project.id)
        assert "admin" in found.roles
        (member,) = list(lab.members.values())[:1]
        other = await adapter.identify(lab.identity.issue(member, member.project, "password").text)
        assert other is not None
        assert other.roles == frozenset({"member", "reader"})
        assert calls(adapter).count("identify") == 2


async def test_a_token_of_no_project_has_no_roles() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        token = lab.identity.issue(lab.admin, None, "password")
        assert await adapter.identify(token.text) == Identity(lab.admin.name, "", frozenset())


@pytest.mark.parametrize("token", ["", "nobody's", "x" * 9000, "a\nb", "ü"])
async def test_what_is_no_token_is_nobodys(token: str) -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        assert await adapter.identify(token) is None


async def test_a_token_that_was_revoked_is_nobodys() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        token = lab.identity.issue(lab.admin, lab.admin.project, "password")
        lab.identity.revoke(token.text)
        assert await adapter.identify(token.text) is None


async def test_c6_our_own_token_that_died_is_renewed_once() -> None:
    async with Lab(SMALL) as lab, nova(lab) as adapter:
        theirs = lab.identity.issue(lab.admin, lab.admin.project, "password").text
        assert await adapter.identify(theirs) is not None
        ours = (await adapter._tokens.current()).grant.headers["X-Auth-Token"]  # noqa: SLF001 - to be killed
        lab.identity.revoke(ours)
        assert await adapter.identify(theirs) is not None


async def answered(tmp_path: Path, answer: Answer) -> Identity | None:
    """Ask a Keystone that gives tokens, and answers this about them."""
    give = issuing(keystone_token())

    async def keystone(request: Request, writer: asyncio.StreamWriter) -> None:
        asked = request.method == "GET" and request.path.startswith("/v3/auth/tokens")
        await (answer if asked else give)(request, writer)

    async with Peer(keystone) as peer:
        file = secret_file(
            tmp_path, "clouds.yaml", {"clouds": {"admin": entry(f"{peer.origin}/v3")}}
        )
        config = NovaConfig.model_validate({"clouds_file": file.path, "cloud": "admin"})
        adapter = Nova(config, "default", FastClock())
        try:
            return await adapter.identify("theirs")
        finally:
            await adapter.close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, "{}", Permanent),
        (403, "{}", Permanent),
        (500, "{}", Temporary),
        (503, "{}", Temporary),
        (302, "{}", Temporary),
        (200, "[]", DoctorError),
        (200, "{}", Temporary),
        (200, '{"token": 1}', Temporary),
        (200, "no JSON", DoctorError),
    ],
)
async def test_e1_whatever_else_goes_wrong_lets_nobody_in(
    tmp_path: Path, status: int, body: str, expected: type[DoctorError]
) -> None:
    with pytest.raises(expected):
        await answered(tmp_path, answering(status, body.encode()))


async def test_a_strange_answer_gives_no_roles(tmp_path: Path) -> None:
    body = json.dumps({"token": {"user": 1, "project": [], "roles": [1, {"name": 2}, {}]}})
    assert await answered(tmp_path, answering(200, body.encode())) == Identity("", "", frozenset())


async def test_a_keystone_that_does_not_answer_is_temporary() -> None:
    async with Lab(SMALL) as lab, nova(lab, keystone_timeout_s=0.3) as adapter:
        theirs = lab.identity.issue(lab.admin, lab.admin.project, "password").text
        await adapter.fleet()
        lab.faults.add(Rule(service=Service.KEYSTONE, do=Do.HANG, times=None))
        with pytest.raises(Temporary):
            await adapter.identify(theirs)
