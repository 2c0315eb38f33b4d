"""What is sent to Nova, byte for byte, and a Nova that answers as no Nova should."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.controllers import listing
from doctor_daemon.controllers.nova import Nova, NovaConfig
from doctor_daemon.controllers.servers import HOST as HOST_KEY
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from tests.controllers.rigs import (
    HOST,
    FastClock,
    endpoint,
    entry,
    issuing,
    keystone_token,
    secret_file,
)
from tests.fakes.peer import Answer, Peer, Request, raw, telling

UUID = "4f22b540-1c82-456c-b2f4-ba0d18d9a30f"
SERVICE: Mapping[str, object] = {
    "binary": "nova-compute",
    "host": "compute-1",
    "id": UUID,
    "status": "enabled",
    "state": "up",
    "updated_at": None,
    "disabled_reason": None,
    "forced_down": False,
}
SERVER = {"id": "s1", "name": "vm", "status": "ACTIVE", "tenant_id": "p1", HOST_KEY: "compute-1"}
VERSION = {"version": {"id": "v2.1", "version": "2.104", "min_version": "2.1"}}


class FakeNova:
    """Answers by path, with documents that a test may change."""

    def __init__(self) -> None:
        self.documents: dict[str, object] = {
            "/v2.1/": VERSION,
            "/v2.1/os-services": {"services": [SERVICE]},
            "/v2.1/servers/detail": {"servers": [SERVER]},
            "/v2.1/os-migrations": {"migrations": []},
            "/v2.1/os-aggregates": {"aggregates": []},
            f"/v2.1/os-services/{UUID}": {"service": {**SERVICE, "forced_down": True}},
        }
        self.failures: list[Answer] = []

    async def __call__(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if self.failures:
            await self.failures.pop(0)(request, writer)
            return
        path = request.path.partition("?")[0]
        status = 200 if path in self.documents else 404
        await telling(self.documents.get(path, {}), status)(request, writer)


@asynccontextmanager
async def _cloud(
    fake: FakeNova, folder: Path, *, path: str = "/v2.1", **token: object
) -> AsyncIterator[tuple[Nova, Peer]]:
    """Give an adapter for a fake Nova behind a fake Keystone."""
    async with Peer(fake) as nova, Peer(telling({})) as keystone:
        compute = {"type": "compute", "endpoints": [endpoint("R1", nova.origin + path)]}
        keystone.answer = issuing(keystone_token(catalog=[compute], **token))
        clouds = {"clouds": {"a": entry(f"{keystone.origin}/v3", auth_type="v3password")}}
        file = secret_file(folder, "clouds.yaml", clouds)
        config = NovaConfig.model_validate({"clouds_file": file.path, "cloud": "a"})
        adapter = Nova(config, "default", FastClock())
        try:
            yield adapter, nova
        finally:
            await adapter.close()


def _shape(request: Request) -> tuple[str, str, str | None]:
    return (request.method, request.path, request.headers.get("openstack-api-version"))


async def test_each_call_is_pinned_to_its_microversion(tmp_path: Path) -> None:
    async with _cloud(FakeNova(), tmp_path) as (adapter, nova):
        await adapter.look(HOST)
        await adapter.fleet()
        permit = FastClock().permit()
        await adapter.force_down(UUID.upper(), "why", permit, disable=True)
        await adapter.all_servers()
        await adapter.changed_servers(0.0)
        await adapter.evacuate(ServerId(UUID.upper()), permit)
        await adapter.changed_evacuations(0.0)
        await adapter.aggregates(HOST)
        lists = "/v2.1/servers/detail?all_tenants=1&limit=200"
        calm = "/v2.1/servers/detail?all_tenants=1&limit=50"
        moves = "/v2.1/os-migrations?migration_type=evacuation&limit=500"
        assert [_shape(request) for request in nova.requests] == [
            ("GET", "/v2.1/", None),
            ("GET", "/v2.1/os-services?host=compute-1&binary=nova-compute", "compute 2.69"),
            ("GET", "/v2.1/os-services", "compute 2.69"),
            ("PUT", f"/v2.1/os-services/{UUID}", "compute 2.53"),
            ("GET", lists, "compute 2.90"),
            ("GET", f"{calm}&changes-since=1970-01-01T00:00:00Z", "compute 2.90"),
            ("POST", f"/v2.1/servers/{UUID}/action", "compute 2.68"),
            ("GET", f"{moves}&changes-since=1970-01-01T00:00:00Z", "compute 2.59"),
            ("GET", "/v2.1/os-aggregates", "compute 2.41"),
        ]
        assert json.loads(nova.requests[6].body) == {"evacuate": {}}
        assert json.loads(nova.requests[3].body) == {
            "forced_down": True,
            "status": "disabled",
            "disabled_reason": "why",
        }
        assert {request.headers["x-auth-token"] for request in nova.requests} == {"gAAAA"}


async def test_a_request_id_is_one_that_openstack_accepts_and_lasts_over_retries(
    tmp_path: Path,
) -> None:
    fake = FakeNova()
    async with _cloud(fake, tmp_path) as (adapter, nova):
        await adapter.fleet()
        fake.failures = [telling({}, 503)]
        await adapter.look(HOST)
        await adapter.look(HOST)
        first, again, second = (r.headers["x-openstack-request-id"] for r in nova.requests[2:])
        # oslo.middleware ignores, silently, what does not look like this.
        pattern = r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
        assert re.fullmatch(pattern, first)
        assert first == again != second


async def test_an_older_catalogue_with_the_projects_id_in_it_works(tmp_path: Path) -> None:
    fake = FakeNova()
    fake.documents["/v2.1/p1/servers/detail"] = {"servers": [SERVER]}
    async with _cloud(fake, tmp_path, path="/v2.1/p1") as (adapter, nova):
        assert set(await adapter.all_servers()) == {"compute-1"}
        assert [request.path.partition("?")[0] for request in nova.requests] == [
            "/v2.1/",
            "/v2.1/p1/servers/detail",
        ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "Sat, 21 Nov 2026 02:32:03 GMT", "Date": "Sat, 21 Nov 2026 02:32:02 GMT"},
        {"Retry-After": "1"},
    ],
)
async def test_retry_after_is_seconds_or_a_date(tmp_path: Path, headers: Mapping[str, str]) -> None:
    fake = FakeNova()
    async with _cloud(fake, tmp_path) as (adapter, _):
        await adapter.look(HOST)

        async def busy(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(raw(429, b"slowly", headers))
            await writer.drain()

        fake.failures = [busy]
        began = asyncio.get_running_loop().time()
        await adapter.look(HOST)
        assert 1 <= asyncio.get_running_loop().time() - began < 3


@pytest.mark.parametrize("after", ["soon", "Sat, 21 Nov 2026 02:32:03 GMT", "-5", "²"])
async def test_a_retry_after_that_says_nothing_is_no_wait(tmp_path: Path, after: str) -> None:
    fake = FakeNova()
    async with _cloud(fake, tmp_path) as (adapter, _):

        async def busy(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(raw(503, b"", {"Retry-After": after}))
            await writer.drain()

        fake.failures = [busy]
        began = asyncio.get_running_loop().time()
        await adapter.look(HOST)
        assert asyncio.get_running_loop().time() - began < 1


async def test_trap_1_a_nova_that_drops_the_filter_is_found_out(tmp_path: Path) -> None:
    fake = FakeNova()
    fake.documents["/v2.1/servers/detail"] = {"servers": [SERVER, {**SERVER, HOST_KEY: "cmp-2"}]}
    async with _cloud(fake, tmp_path) as (adapter, _):
        with pytest.raises(Permanent, match="it ignores the filter"):
            await adapter.servers(HOST)
        wrong = "\n".join(await adapter.check())
        assert "Nova ignores the filter of servers by host" in wrong


async def test_a_list_without_end_is_given_up(
    tmp_path: Path,
) -> None:
    fake = FakeNova()
    link = [{"rel": "next", "href": "http://127.0.0.1/"}]
    fake.documents["/v2.1/servers/detail"] = {"servers": [SERVER], "servers_links": link}
    async with _cloud(fake, tmp_path) as (adapter, nova):
        with pytest.raises(Permanent, match="no end after 4000 pages of 200"):
            await adapter.all_servers()
        assert len(nova.requests) == listing.PAGES_MAX + 1


@pytest.mark.parametrize(
    "document", [{}, {"service": None}, {"service": {**SERVICE, "forced_down": False}}, []]
)
async def test_a_200_that_does_not_show_the_deed_is_unknown(
    tmp_path: Path, document: object
) -> None:
    fake = FakeNova()
    fake.documents[f"/v2.1/os-services/{UUID}"] = document
    async with _cloud(fake, tmp_path) as (adapter, _):
        outcome, text = await adapter.force_down(UUID, "why", FastClock().permit(), disable=False)
        assert outcome is Outcome.UNKNOWN
        assert text.startswith("Nova answered 200, but")


@pytest.mark.parametrize("status", [202, 418, 501])
async def test_an_odd_answer_to_a_list_is_an_error(tmp_path: Path, status: int) -> None:
    fake = FakeNova()
    fake.failures = [telling({}, status)] * 3
    async with _cloud(fake, tmp_path) as (adapter, _):
        with pytest.raises(DoctorError, match=f"Nova answered {status}"):
            await adapter.look(HOST)


async def test_a_page_of_a_proxy_is_temporary(tmp_path: Path) -> None:
    fake = FakeNova()
    fake.documents["/v2.1/os-services"] = ["<html>"]
    async with _cloud(fake, tmp_path) as (adapter, _):
        with pytest.raises(Temporary, match="expected an object"):
            await adapter.look(HOST)


async def test_an_endpoint_that_is_no_nova_is_told(tmp_path: Path) -> None:
    fake = FakeNova()
    fake.documents["/v2.1/"] = {"versions": []}
    async with _cloud(fake, tmp_path) as (adapter, _):
        with pytest.raises(Permanent, match=r"is it Nova's v2\.1"):
            await adapter.all_servers()


async def test_trap_25_a_system_scoped_token_is_refused_in_words(tmp_path: Path) -> None:
    system = {"all": True}
    async with _cloud(FakeNova(), tmp_path, system=system, project=None) as (adapter, nova):
        (only,) = await adapter.check()
        assert "system scope, which Nova forbids" in only
        assert not nova.requests


async def test_trap_25_a_token_of_no_project_is_refused_in_words(tmp_path: Path) -> None:
    async with _cloud(FakeNova(), tmp_path, project=None) as (adapter, nova):
        (only,) = await adapter.check()
        assert "the token is of no project" in only
        assert not nova.requests
