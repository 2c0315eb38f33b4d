"""What a Nova of before 2.53 does with who asks for more: the lab passes this when told to be one.

A real Nova passes it behind a proxy that lets it offer no more (`tests/openstack/elderly.py`). All
that such a Nova does in its own microversions is in NovaContract, for a newer one still does it.
"""

from __future__ import annotations

import pytest

from tests.lab.nova_target import NovaTarget, Who, ask

HIGHEST = "2.52"


class OldNovaContract:
    async def test_it_offers_no_more(self, target: NovaTarget) -> None:
        for url in (target.url, f"{target.url}/"):
            reply = await target.caller.ask("GET", url)
            version = reply.body["version"]
            assert (reply.status, version["id"]) == (200, "v2.1")
            assert (version["min_version"], version["version"]) == ("2.1", HIGHEST)
        root = target.url.removesuffix("/v2.1")
        versions = (await target.caller.ask("GET", f"{root}/")).body["versions"]
        assert [one["version"] for one in versions if one["id"] == "v2.1"] == [HIGHEST]

    @pytest.mark.parametrize("version", ["2.53", "2.59", "2.69", "2.90", "2.100"])
    @pytest.mark.parametrize("header", ["OpenStack-API-Version", "X-OpenStack-Nova-API-Version"])
    async def test_more_is_not_acceptable(
        self, target: NovaTarget, version: str, header: str
    ) -> None:
        word = version if header.startswith("X-") else f"compute {version}"
        headers = {"X-Auth-Token": await target.token(Who.ADMIN), header: word}
        for method, path in (("GET", "/os-services"), ("PUT", "/os-services/force-down")):
            body: dict[str, str] | None = {} if method == "PUT" else None
            reply = await target.caller.ask(method, target.url + path, headers=headers, body=body)
            assert reply.status == 406
            assert reply.body["computeFault"]["message"] == (
                f"Version {version} is not supported by the API. "
                f"Minimum is 2.1 and maximum is {HIGHEST}."
            )

    async def test_its_latest_is_its_own(self, target: NovaTarget) -> None:
        reply = await ask(target, "GET", "/os-services", "latest")
        assert reply.headers["OpenStack-API-Version"] == f"compute {HIGHEST}"

    @pytest.mark.parametrize("version", ["2.1", "2.11", "2.52"])
    async def test_what_is_its_own_it_does(self, target: NovaTarget, version: str) -> None:
        reply = await ask(target, "GET", "/os-services?binary=nova-compute", version)
        assert reply.status == 200
        assert reply.headers["OpenStack-API-Version"] == f"compute {version}"
        assert {type(one["id"]) for one in reply.body["services"]} == {int}
