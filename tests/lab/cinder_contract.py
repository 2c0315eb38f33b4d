"""What a Cinder does, as far as the daemon meets it. The lab passes this, and Cinder 29.

To run it on a real one, write a test module with a subclass of `CinderContract` and a fixture
`target` that returns a CinderTarget (`tests/lab/cinder_target.py`). With a `service_down_time` of
8 s and an `rpc_response_timeout` of 20 s it takes about two minutes, most of it for the dead.
"""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.lab.cinder_logs import CinderLogs
from tests.lab.cinder_target import (
    ALPHA,
    BETA,
    VOLUME,
    CinderTarget,
    Json,
    ask,
    header,
    named,
    put,
    restored,
    row,
    services,
    until,
)
from tests.lab.nova_target import Who

BASIC = {"binary", "host", "zone", "status", "state", "updated_at", "disabled_reason"}
OF_VOLUME = {"replication_status", "active_backend_id", "frozen"}
REASONED = {**named(ALPHA), "disabled_reason": "a reason"}
REFUSED: list[tuple[str, str, Json]] = [
    ("disable", "3.0", {"host": ALPHA}),
    ("enable", "3.0", {"binary": VOLUME}),
    ("disable", "3.0", {**named(ALPHA), "bogus": 1}),
    ("disable-log-reason", "3.0", {**REASONED, "disabled_reason": ""}),
    ("disable-log-reason", "3.0", {**REASONED, "disabled_reason": None}),
    ("disable-log-reason", "3.0", {**REASONED, "disabled_reason": "x" * 256}),
    ("freeze", "3.0", {}),
    ("freeze", "3.26", {}),
    ("freeze", "3.26", {"host": ALPHA, "cluster": "x"}),
    ("thaw", "3.0", {}),
    ("failover_host", "3.0", {"backend_id": "spare"}),
    ("failover_host", "3.25", {"cluster": "x", "backend_id": "spare"}),
    ("failover_host", "3.26", {"host": ALPHA, "cluster": "x"}),
]


class CinderApi:
    async def test_discovery(self, target: CinderTarget) -> None:
        headers = {"X-Auth-Token": await target.token(Who.ADMIN)}
        reply = await target.caller.ask("GET", f"{target.root}/", headers=headers)
        assert reply.status == 200
        (version,) = [one for one in reply.body["versions"] if one["id"] == "v3.0"]
        assert version["min_version"] == "3.0"
        assert int(version["version"].split(".")[1]) >= 60

    async def test_microversions(self, target: CinderTarget) -> None:
        for asked, used in ((None, "3.0"), ("3.7", "3.7"), ("3.32", "3.32")):
            reply = await ask(target, "GET", "/os-services", asked)
            assert header(reply, "OpenStack-API-Version") == f"volume {used}"
        assert (await ask(target, "GET", "/os-services", "3.999")).status == 406

    async def test_no_token(self, target: CinderTarget) -> None:
        for headers in ({}, {"X-Auth-Token": "bogus"}):
            reply = await target.caller.ask(
                "GET", f"{target.url(Who.ADMIN)}/os-services", headers=headers
            )
            assert reply.status == 401

    async def test_a_member_is_forbidden(self, target: CinderTarget) -> None:
        reply = await ask(target, "GET", "/os-services", who=Who.MEMBER)
        rule = "volume_extension:services:index"
        assert (reply.status, reply.message) == (
            403,
            f"Policy doesn't allow {rule} to be performed.",
        )
        for word, body in (("disable-log-reason", REASONED), ("freeze", {"host": ALPHA})):
            reply = await ask(target, "PUT", f"/os-services/{word}", who=Who.MEMBER, body=body)
            assert reply.status == 403, word

    async def test_the_path_of_another_project_is_refused(self, target: CinderTarget) -> None:
        headers = {"X-Auth-Token": await target.token(Who.ADMIN)}
        url = f"{target.url(Who.MEMBER)}/os-services"
        reply = await target.caller.ask("GET", url, headers=headers)
        assert (reply.status, reply.message) == (400, "Malformed request url")

    async def test_request_ids(self, target: CinderTarget) -> None:
        form = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        reply = await ask(target, "GET", "/os-services")
        assert form.fullmatch(header(reply, "x-openstack-request-id"))

    async def test_unknown_words(self, target: CinderTarget) -> None:
        assert (await put(target, "bogus", {})).status == 404

    async def test_rows(self, target: CinderTarget) -> None:
        old = {(one["host"], one["binary"]): one for one in await services(target)}
        new = {(one["host"], one["binary"]): one for one in await services(target, "", "3.7")}
        assert old.keys() == new.keys() >= {(ALPHA, VOLUME), (BETA, VOLUME)}
        assert old[ALPHA, VOLUME].keys() == BASIC | OF_VOLUME
        assert new[ALPHA, VOLUME].keys() == BASIC | OF_VOLUME | {"cluster"}
        (scheduler,) = [one for one in new.values() if one["binary"] == "cinder-scheduler"]
        assert scheduler.keys() == BASIC | {"cluster"}
        alpha, beta = new[ALPHA, VOLUME], new[BETA, VOLUME]
        assert (alpha["status"], alpha["state"], alpha["frozen"]) == ("enabled", "up", False)
        assert (alpha["replication_status"], beta["replication_status"]) == ("enabled", "disabled")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000", alpha["updated_at"])

    async def test_filters(self, target: CinderTarget) -> None:
        for query, hosts in (
            ("?host=control", {ALPHA, BETA, "control"}),
            (f"?host=control&binary={VOLUME}", {ALPHA, BETA}),
            (f"?host={ALPHA}", {ALPHA}),
            ("?host=control@alp", set()),
            ("?host=nowhere", set()),
            ("?binary=cinder-scheduler", {"control"}),
        ):
            assert {one["host"] for one in await services(target, query)} == hosts, query


class CinderSwitches:
    async def test_disable_log_reason(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            reply = await put(target, "disable-log-reason", REASONED)
            assert reply.status == 200
            assert reply.body == {
                **REASONED,
                "service": "",
                "status": "disabled",
                "disabled": True,
            }
            found = await row(target, ALPHA)
            assert (found["status"], found["disabled_reason"]) == ("disabled", "a reason")

    async def test_disable_log_reason_needs_no_reason(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            assert (await put(target, "disable-log-reason", named(ALPHA))).status == 200
            assert (await row(target, ALPHA))["status"] == "disabled"

    async def test_plain_enable_and_disable_change_nothing(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            reply = await put(target, "disable", named(ALPHA))
            assert (reply.status, reply.body["status"]) == (200, "disabled")
            assert (await row(target, ALPHA))["status"] == "enabled"
            await put(target, "disable-log-reason", REASONED)
            reply = await put(target, "enable", named(ALPHA))
            assert (reply.status, reply.body["status"]) == (200, "enabled")
            assert (await row(target, ALPHA))["status"] == "disabled"

    @pytest.mark.parametrize(("word", "version", "body"), REFUSED)
    async def test_wrong_bodies(
        self, target: CinderTarget, word: str, version: str, body: Json
    ) -> None:
        assert (await put(target, word, body, version)).status == 400

    async def test_unknown_services(self, target: CinderTarget) -> None:
        nowhere = "nowhere@alpha"
        for word in ("enable", "disable"):
            reply = await put(target, word, named(nowhere))
            assert (reply.status, reply.message) == (
                404,
                f"Service {VOLUME} could not be found on host {nowhere}.",
            )
        reply = await put(target, "disable-log-reason", {**REASONED, "host": nowhere})
        assert reply.status == 404
        for word in ("freeze", "thaw", "failover_host"):
            reply = await put(target, word, {"host": nowhere})
            assert reply.status == 400, word
            assert reply.message.endswith(f"No service found with host={nowhere}")


class CinderBackends:
    async def test_freeze_disables_and_is_refused_twice(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            reply = await put(target, "freeze", {"host": ALPHA})
            assert reply.status == 200
            found = await row(target, ALPHA)
            assert (found["frozen"], found["status"], found["disabled_reason"]) == (
                True,
                "disabled",
                "frozen",
            )
            again = await put(target, "freeze", {"host": ALPHA})
            assert again.status == 400
            assert f"frozen in ['{ALPHA}'] must be False" in again.message
        again = await put(target, "thaw", {"host": ALPHA})
        assert again.status == 400
        assert f"frozen in ['{ALPHA}'] must be True" in again.message

    async def test_a_freeze_writes_over_the_reason_of_a_disabling(
        self, target: CinderTarget
    ) -> None:
        async with restored(target, ALPHA):
            await put(target, "disable-log-reason", REASONED)
            await put(target, "freeze", {"host": ALPHA})
            assert (await row(target, ALPHA))["disabled_reason"] == "frozen"

    async def test_thaw_enables_what_somebody_had_disabled(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            await put(target, "freeze", {"host": ALPHA})
            await put(target, "disable-log-reason", REASONED)
            assert (await put(target, "thaw", {"host": ALPHA})).status == 200
            found = await row(target, ALPHA)
            assert (found["frozen"], found["status"], found["disabled_reason"]) == (
                False,
                "enabled",
                "",
            )

    async def test_failover_and_back(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            reply = await put(target, "failover_host", {"host": ALPHA, "backend_id": "spare"})
            assert reply.status == 202
            found = await until(
                target, ALPHA, lambda one: one["replication_status"] == "failed-over"
            )
            assert (found["active_backend_id"], found["status"], found["disabled_reason"]) == (
                "spare",
                "disabled",
                "failed-over",
            )
            await put(target, "failover_host", {"host": ALPHA, "backend_id": "default"})
            found = await until(target, ALPHA, lambda one: one["replication_status"] == "enabled")
            assert (found["active_backend_id"], found["status"]) == ("", "enabled")

    async def test_failover_by_its_other_name_has_no_route(self, target: CinderTarget) -> None:
        for body in ({"host": ALPHA, "backend_id": "spare"}, {"cluster": "x"}):
            assert (await put(target, "failover", body, "3.26")).status == 404

    async def test_failover_host_takes_a_cluster_from_3_26(self, target: CinderTarget) -> None:
        body = {"cluster": "nowhere", "backend_id": "spare"}
        old, new = [await put(target, "failover_host", body, v) for v in ("3.25", "3.26")]
        assert (old.status, new.status) == (400, 400)
        assert "No service found with" in new.message
        assert "No service found with" not in old.message

    async def test_a_failover_to_nowhere_changes_nothing(self, target: CinderTarget) -> None:
        async with restored(target, ALPHA):
            before = await row(target, ALPHA)
            reply = await put(target, "failover_host", {"host": ALPHA, "backend_id": "bogus"})
            assert reply.status == 202
            after = await until(
                target, ALPHA, lambda one: one["replication_status"] != "failing-over"
            )
            keys = ("replication_status", "active_backend_id", "status")
            assert [after[key] for key in keys] == [before[key] for key in keys]

    async def test_a_failover_that_cannot_be(self, target: CinderTarget) -> None:
        reply = await put(target, "failover_host", {"host": BETA, "backend_id": "spare"})
        assert reply.status == 400
        assert f"replication_status in ['{BETA}'] must be" in reply.message


class CinderContract(CinderApi, CinderSwitches, CinderBackends, CinderLogs):
    """All of it."""


class LongCinderContract:
    """What takes a minute: a service dies in it, and is asked for in vain."""

    async def test_a_freeze_of_a_dead_service_is_a_500_and_takes_effect(
        self, target: CinderTarget
    ) -> None:
        async with restored(target, ALPHA):
            await target.kill_volume()
            await asyncio.sleep(target.service_down_s)
            assert (await row(target, ALPHA))["state"] == "down"
            body = {"host": ALPHA, "backend_id": "spare"}
            reply = await put(target, "failover_host", body)
            assert (reply.status, "must be up to failover" in reply.message) == (400, True)
            reply = await put(target, "get-log", {"binary": VOLUME, "server": ALPHA}, "3.32")
            assert (reply.status, reply.body) == (200, {"log_levels": []})
            for word, frozen in (("freeze", True), ("thaw", False)):
                reply = await put(target, word, {"host": ALPHA})
                assert reply.status == 500
                assert reply.seconds >= target.rpc_timeout_s * 0.9
                found = await row(target, ALPHA)
                assert (found["frozen"], found["status"]) == (frozen, "enabled")
