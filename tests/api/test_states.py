"""`GET /v1/servers`: what may be asked, what is answered, and what is refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from doctor_daemon.errors import Permanent, Temporary
from tests.api.desk import desk, refused
from tests.engine.instruments import OTHER
from tests.engine.rig import Rig, server

ID = "an id of up to 64 characters"


async def ids(query: str, rig: Rig | None = None) -> list[str]:
    rig = rig or Rig()
    rig.nova.there[OTHER.name] = (server(3, "red"),)
    async with desk(rig) as at:
        status, said = await at.ask("GET", f"/v1/servers{query}")
    assert status == 200
    return [row["id"] for row in said["servers"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["vm-1", "vm-2", "vm-3"]),
        ("?host=cmp-2", ["vm-3"]),
        ("?host=CMP-1.example", ["vm-1", "vm-2"]),
        ("?project=red", ["vm-1", "vm-3"]),
        ("?project=nobody", []),
        ("?limit=1", ["vm-1"]),
        ("?limit=1&marker=vm-1", ["vm-2"]),
        ("?limit=200&project=red&marker=vm-1", ["vm-3"]),
    ],
)
async def test_what_is_asked_for_is_shown(query: str, expected: list[str]) -> None:
    assert await ids(query) == expected


@pytest.mark.parametrize(
    ("query", "field", "message", "expected"),
    [
        ("limit=0", "limit", "found '0'", "a number from 1 to 200"),
        ("limit=201", "limit", "found '201'", "a number from 1 to 200"),
        ("limit=%D9%A3", "limit", "found '٣'", "a number from 1 to 200"),
        ("limit=x", "limit", "found 'x'", "a number from 1 to 200"),
        ("project=", "project", "found ''", ID),
        ("marker=", "marker", "found ''", ID),
        ("project=%00", "project", "found '\\x00'", ID),
        (f"marker={'x' * 65}", "marker", f"found '{'x' * 59}", ID),
        (f"project={quote('ö')}", "project", "found 'ö'", ID),
        ("host=cmp-1&project=red", "", "what is meant is not clear", "either a host or a project"),
        ("hots=cmp-1", "'hots'", "unknown field", "host, project, marker, limit"),
    ],
)
async def test_what_is_wrongly_asked_is_refused(
    query: str, field: str, message: str, expected: str
) -> None:
    async with desk() as at:
        status, said = await refused(at, "GET", f"/v1/servers?{query}")
    assert (status, said["code"], said["field"]) == (422, "invalid", field)
    assert (said["message"], said["expected"]) == (message, expected)


async def test_a_host_that_is_not_known_is_named() -> None:
    async with desk() as at:
        status, said = await refused(at, "GET", "/v1/servers?host=cmp-11")
    assert (status, said["code"], said["expected"]) == (404, "unknown_host", "perhaps cmp-1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(Temporary("no answer"), 503, "unavailable"), (Permanent("no role"), 409, "refused")],
)
async def test_what_nova_does_not_say_is_said(error: Exception, status: int, code: str) -> None:
    rig = Rig()
    async with desk(rig) as at:
        rig.nova.errors = [error] * 3  # the poller may meet some of them
        found, said = await refused(at, "GET", "/v1/servers")
    assert (found, said["code"], said["message"]) == (status, code, str(error))
