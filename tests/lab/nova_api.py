"""The contract of Nova's API as such: discovery, microversions, who may ask."""

from __future__ import annotations

import re

import pytest

from tests.lab.nova_target import NovaTarget, Who, ask

ADMINS_ONLY = [
    ("GET", "/os-services", "os_compute_api:os-services:list"),
    ("GET", "/os-aggregates", "os_compute_api:os-aggregates:index"),
    ("GET", "/os-migrations", "os_compute_api:os-migrations:index"),
    ("GET", "/servers?all_tenants=1", "os_compute_api:servers:index:get_all_tenants"),
    ("GET", "/servers/detail?all_tenants=1", "os_compute_api:servers:detail:get_all_tenants"),
]


class NovaApi:
    async def test_discovery(self, target: NovaTarget) -> None:
        root = target.url.removesuffix("/v2.1")
        versions = (await target.caller.ask("GET", f"{root}/")).body["versions"]
        assert [v["min_version"] for v in versions if v["id"] == "v2.1"] == ["2.1"]
        for url in (target.url, f"{target.url}/"):
            reply = await target.caller.ask("GET", url)
            version = reply.body["version"]
            assert reply.status == 200
            assert (version["id"], version["min_version"]) == ("v2.1", "2.1")
            assert int(version["version"].split(".")[1]) >= 90
            assert version["links"][0] == {"rel": "self", "href": f"{target.url}/"}

    @pytest.mark.parametrize(
        ("header", "value", "used"),
        [
            ("OpenStack-API-Version", "compute 2.53", "2.53"),
            ("OpenStack-API-Version", "COMPUTE 2.53", "2.53"),
            ("OpenStack-API-Version", "volume 3.0, compute 2.53", "2.53"),
            ("OpenStack-API-Version", "volume 3.0", "2.1"),
            ("X-OpenStack-Nova-API-Version", "2.11", "2.11"),
            ("X-Nothing", "", "2.1"),
        ],
    )
    async def test_microversion_headers(
        self, target: NovaTarget, header: str, value: str, used: str
    ) -> None:
        headers = {"X-Auth-Token": await target.token(Who.ADMIN), header: value}
        reply = await target.caller.ask("GET", f"{target.url}/os-services", headers=headers)
        assert reply.status == 200
        assert reply.headers["OpenStack-API-Version"] == f"compute {used}"
        assert reply.headers["X-OpenStack-Nova-API-Version"] == used
        assert reply.headers["Vary"] == "OpenStack-API-Version"

    async def test_wrong_microversions(self, target: NovaTarget) -> None:
        too_high = await ask(target, "GET", "/os-services", "2.999")
        assert too_high.status == 406
        assert too_high.body["computeFault"]["message"].startswith(
            "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2."
        )
        for word in ("2.x", "2", "two"):
            reply = await ask(target, "GET", "/os-services", word)
            assert reply.status == 400
            assert f"API Version String {word} is of invalid format" in reply.message

    async def test_latest(self, target: NovaTarget) -> None:
        highest = (await target.caller.ask("GET", target.url)).body["version"]["version"]
        reply = await ask(target, "GET", "/os-services", "latest")
        assert reply.headers["OpenStack-API-Version"] == f"compute {highest}"

    async def test_no_token(self, target: NovaTarget) -> None:
        for headers in ({}, {"X-Auth-Token": "bogus"}):
            for method, path in (("GET", "/os-services"), ("PUT", "/os-services/x")):
                reply = await target.caller.ask(method, target.url + path, headers=headers)
                assert reply.status == 401
                assert reply.headers["WWW-Authenticate"].startswith("Keystone uri=")
                assert reply.body["error"]["code"] == 401

    @pytest.mark.parametrize(("method", "path", "rule"), ADMINS_ONLY)
    async def test_a_member_is_forbidden(
        self, target: NovaTarget, method: str, path: str, rule: str
    ) -> None:
        reply = await ask(target, method, path, who=Who.MEMBER)
        assert reply.status == 403
        assert reply.body["forbidden"]["code"] == 403
        assert reply.message == f"Policy doesn't allow {rule} to be performed."

    async def test_a_token_without_a_project_is_forbidden(self, target: NovaTarget) -> None:
        for path in ("/os-services", "/servers", "/servers/detail"):
            assert (await ask(target, "GET", path, who=Who.UNSCOPED)).status == 403

    async def test_unknown_path(self, target: NovaTarget) -> None:
        assert (await ask(target, "GET", "/nothing")).status == 404
        assert (await ask(target, "POST", "/os-services", body={})).status == 404
        assert (await ask(target, "GET", "/os-services/abc")).status == 404

    async def test_request_ids(self, target: NovaTarget) -> None:
        form = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        for path in ("/os-services", "/nothing-of-the-kind/at/all", "/servers/nope"):
            reply = await ask(target, "GET", path)
            assert form.fullmatch(reply.headers["x-openstack-request-id"])
            assert reply.headers["x-openstack-request-id"] == reply.headers["x-compute-request-id"]

    async def test_aggregates(self, target: NovaTarget) -> None:
        old = (await ask(target, "GET", "/os-aggregates", "2.40")).body["aggregates"]
        new = (await ask(target, "GET", "/os-aggregates")).body["aggregates"]
        assert "uuid" not in old[0]
        assert new[0]["uuid"]
        for host in target.hosts:
            (mine,) = [aggregate for aggregate in new if host in aggregate["hosts"]]
            assert mine["metadata"]["availability_zone"] == mine["availability_zone"]
            assert (mine["deleted"], mine["deleted_at"]) == (False, None)
