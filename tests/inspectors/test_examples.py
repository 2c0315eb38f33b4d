"""The programs in deploy/sources: with what crm_mon truly wrote, and what Consul documents."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.inspectors.command import Command
from tests.engine.rig import HOST
from tests.fakes import peer
from tests.fakes.peer import Answer, Peer
from tests.inspectors.looking import Scene, configured, secret, told
from tests.inspectors.rig import DATA, Ledger, terms

SOURCES = Path(__file__).parents[2] / "deploy" / "sources"
Lines = list[dict[str, Any]]


async def run(name: str, *words: str) -> tuple[Lines, str, int]:
    """Run an example; return its lines, its complaint and its exit status."""
    pipe = asyncio.subprocess.PIPE
    argv = (sys.executable, str(SOURCES / name), *words)
    process = await asyncio.create_subprocess_exec(*argv, stdout=pipe, stderr=pipe)
    out, errors = await asyncio.wait_for(process.communicate(), 30)
    lines = [json.loads(line) for line in out.splitlines()]
    return lines, errors.decode(), await process.wait()


def said(lines: Lines) -> list[tuple[str, str]]:
    return [(line["host"], line["verdict"]) for line in lines]


def recorded(name: str) -> tuple[str, str]:
    return "/bin/cat", str(DATA / "crm_mon" / f"{name}.xml")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("online", [("n1", "up"), ("n2", "up"), ("n3", "up")]),
        ("lost", [("n1", "up"), ("n2", "up"), ("n3", "down")]),
    ],
)
async def test_pacemakers_view(name: str, expected: list[tuple[str, str]]) -> None:
    lines, _, status = await run("crm_mon.py", *recorded(name))
    assert (said(lines), status) == (expected, 0)


async def test_a1_a_partition_without_quorum_has_no_say() -> None:
    lines, errors, status = await run("crm_mon.py", *recorded("alone"))
    assert (lines, status) == ([], 1)
    assert "no quorum" in errors


async def test_a_node_that_was_fenced_or_shut_down_is_not_spoken_of(tmp_path: Path) -> None:
    clean = (DATA / "crm_mon" / "lost.xml").read_text().replace('unclean="true"', 'unclean="false"')
    (tmp_path / "clean.xml").write_text(clean)
    lines, _, _ = await run("crm_mon.py", "/bin/cat", str(tmp_path / "clean.xml"))
    assert said(lines) == [("n1", "up"), ("n2", "up")]


QUORUM = '<r><summary><current_dc with_quorum="true"/></summary><nodes>%s</nodes></r>'


@pytest.mark.parametrize(
    "argv",
    [
        ("/bin/false",),
        ("/bin/echo", "no XML"),
        ("/bin/echo", '<?xml version="1.0" encoding="x-nobody-knows"?><r/>'),
        ("/bin/echo", '<?xml version="1.0" encoding="shift_jis"?><r/>'),
        ("/bin/echo", QUORUM % '<node name="n1" online="true"/><node online="true"/>'),
        ("/bin/echo", QUORUM % '<node name="" unclean="true"/>'),
        ("/nowhere/there",),
    ],
)
async def test_a_cluster_that_does_not_answer_fails(argv: Sequence[str]) -> None:
    lines, errors, status = await run("crm_mon.py", *argv)
    assert (lines, status) == ([], 1)
    assert len(errors.splitlines()) == 1, errors


def check(node: str, status: str, id_: str = "serfHealth") -> dict[str, str]:
    """Make a check as https://developer.hashicorp.com/consul/api-docs/health has it."""
    return {
        "Node": node,
        "CheckID": id_,
        "Name": "Serf Health Status",
        "Status": status,
        "Notes": "",
        "Output": "Agent not live or unreachable" if status == "critical" else "Agent alive",
        "ServiceID": "",
        "ServiceName": "",
    }


def consul(leader: object, *checks: object) -> Answer:
    async def answer(request: peer.Request, writer: asyncio.StreamWriter) -> None:
        about = leader if request.path == "/v1/status/leader" else list(checks)
        await peer.telling(about)(request, writer)

    return answer


CHECKS = (
    check("cmp-1", "critical"),
    check("cmp-2", "passing"),
    check("cmp-2", "critical", "disk"),
    check("cmp-3", "warning"),
)


async def test_consuls_view(tmp_path: Path) -> None:
    secret(tmp_path / "token", "a-consul-token")
    async with Peer(consul("192.0.2.1:8300", *CHECKS)) as server:
        lines, _, status = await run("consul.py", server.origin, str(tmp_path / "token"))
    assert (said(lines), status) == ([("cmp-1", "down"), ("cmp-2", "up")], 0)
    assert {one.headers["x-consul-token"] for one in server.requests} == {"a-consul-token"}


@pytest.mark.parametrize(
    ("leader", "checks"), [("", CHECKS), ("192.0.2.1:8300", CHECKS[:1]), ("192.0.2.1:8300", ())]
)
async def test_a1_a_consul_in_trouble_accuses_nobody(
    leader: str, checks: Sequence[dict[str, str]]
) -> None:
    async with Peer(consul(leader, *checks)) as server:
        lines, _, status = await run("consul.py", server.origin)
    assert (lines, status) == ([], 1)


ODD = {**check("cmp-1", "critical"), "Output": None}


@pytest.mark.parametrize(
    ("leader", "check"),
    [
        ("192.0.2.1:8300", "no object"),
        ("192.0.2.1:8300", None),
        ("192.0.2.1:8300", {"CheckID": "serfHealth"}),
        ("192.0.2.1:8300", {**ODD, "Output": ["x"]}),
        ("192.0.2.1:8300", {**ODD, "Status": ["passing"]}),
        ("192.0.2.1:8300", {**ODD, "Output": "", "Node": ""}),
        ("192.0.2.1:8300", {**ODD, "Output": "", "Node": {"a": 1}}),
        (["192.0.2.1:8300"], check("cmp-1", "critical")),
    ],
)
async def test_a_consul_that_says_what_it_cannot_mean_accuses_nobody(
    leader: object, check: object
) -> None:
    async with Peer(consul(leader, *CHECKS, check)) as server:
        lines, errors, status = await run("consul.py", server.origin)
    assert (lines, status) == ([], 1)
    assert len(errors.splitlines()) == 1, errors


@pytest.mark.parametrize("body", [b"no JSON", b"{}", b"[" * 100_000, b"9" * 5000, b"\xff"])
async def test_a_consul_that_answers_something_else_accuses_nobody(body: bytes) -> None:
    async def answer(request: peer.Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/v1/status/leader":
            await peer.telling("192.0.2.1:8300")(request, writer)
        else:
            await peer.answering(200, body)(request, writer)

    async with Peer(answer) as server:
        lines, errors, status = await run("consul.py", server.origin)
    assert (lines, status) == ([], 1)
    assert len(errors.splitlines()) == 1, errors


async def test_e6_a_consul_that_leads_elsewhere_is_not_followed_with_the_token(
    tmp_path: Path,
) -> None:
    secret(tmp_path / "token", "a-consul-token")
    async with Peer(consul("192.0.2.1:8300", *CHECKS)) as other:
        elsewhere = peer.answering(302, b"", {"Location": f"{other.origin}/v1/status/leader"})
        async with Peer(elsewhere) as server:
            lines, _, status = await run("consul.py", server.origin, str(tmp_path / "token"))
        assert (lines, status, other.requests) == ([], 1, [])


async def test_no_consul_at_all_is_told_in_a_line() -> None:
    lines, errors, status = await run("consul.py", "http://127.0.0.1:1")
    assert (lines, status) == ([], 1)
    assert len(errors.splitlines()) == 1, errors


@pytest.mark.parametrize("content", ["", "a-consul\n-token", "a-consul-token-\u20ac"])
async def test_a_consul_token_that_can_be_none_is_not_repeated(
    tmp_path: Path, content: str
) -> None:
    secret(tmp_path / "token", content)
    lines, errors, status = await run("consul.py", "http://127.0.0.1:1", str(tmp_path / "token"))
    assert (lines, status) == ([], 1)
    assert "no token" in errors
    assert "a-consul" not in errors


async def test_an_example_is_a_source() -> None:
    async with Peer(consul("192.0.2.1:8300", *CHECKS)) as server:
        argv = [sys.executable, str(SOURCES / "consul.py"), server.origin]
        config = configured(Command.Config, Path(), argv=argv, kind="consul", every_s=10.0)
        source, scene, ledger = Command(config, terms("consul")), Scene(), Ledger()
        source.place(scene.around())
        await source.look(ledger)
    assert told(ledger.taken) == [("cmp-1", "consul", "down")]
    assert ledger.taken[0].host == HOST
