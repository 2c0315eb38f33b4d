"""The operators' API to Cinder: what is asked, ordered, refused and recorded."""

from __future__ import annotations

import asyncio
import os
import pwd
from dataclasses import replace

import pytest
from typing_extensions import override

from doctor_daemon.controllers.cinder import Cinder
from doctor_daemon.core.host import Mode
from doctor_daemon.core.log_levels import LevelWish, LogScope
from doctor_daemon.core.volumes import Target
from doctor_daemon.engine import volumes
from doctor_daemon.lab.faults import Do, Rule, Service
from doctor_daemon.ports import Permit
from doctor_daemon.ports.storage import Answer
from tests.api.desk import desk, refused
from tests.api.volumes import QUICK, volume_desk
from tests.engine.rig import Rig
from tests.lab.cinder_target import ALPHA, BETA, VOLUME

ORDERS = "/v1/cinder/orders"
ME = pwd.getpwuid(os.geteuid()).pw_name


# What is asked


async def test_services_and_log_levels_are_listed() -> None:
    async with volume_desk() as at:
        _, said = await at.desk.ask("GET", "/v1/cinder/services")
        assert {row["host"] for row in said["services"]} == {ALPHA, BETA, "control"}
        _, said = await at.desk.ask("GET", f"/v1/cinder/services?host={ALPHA}&binary={VOLUME}")
        (row,) = said["services"]
        assert (row["status"], row["state"], row["frozen"]) == ("enabled", "up", False)
        _, said = await at.desk.ask("GET", f"/v1/cinder/log-levels?host={ALPHA}&prefix=cinder.v")
        assert said["log_levels"][0]["levels"]["cinder.volume"] == "INFO"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/cinder/services?hots=x", "'hots'"),
        ("/v1/cinder/services?host=", "host"),
        ("/v1/cinder/log-levels?binary=nova-api", "binary"),
        (f"{ORDERS}/x", "number"),
        (f"{ORDERS}/%D9%A3", "number"),
        (f"{ORDERS}/1234567890", "number"),
    ],
)
async def test_wrong_questions_are_refused(path: str, field: str) -> None:
    async with volume_desk() as at:
        status, said = await refused(at.desk, "GET", path)
    assert (status, said["field"]) == (422, field)


async def test_an_order_that_nobody_gave_is_not_known() -> None:
    async with volume_desk() as at:
        status, said = await refused(at.desk, "GET", f"{ORDERS}/7")
    assert (status, said["message"]) == (409, "the daemon knows no order 7 (any more)")


async def test_a_cinder_that_hangs_is_not_waited_for_for_ever() -> None:
    async with volume_desk(patience=replace(QUICK, question_s=0.2)) as at:
        at.lab.faults.add(Rule(service=Service.CINDER, do=Do.HANG))
        status, said = await refused(at.desk, "GET", "/v1/cinder/services")
    assert (status, said["code"]) == (503, "unavailable")
    assert "Cinder has not answered within 0.2 s" in said["message"]


# What is ordered


async def test_an_order_is_done_recorded_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    async with volume_desk() as at:
        await at.arm()
        status, order = await at.order("disable", why=" rack\n move ", host=ALPHA)
        assert (status, order["end"], order["by"], order["why"]) == (
            200,
            "achieved",
            ME,
            "rack move",
        )
        assert at.lab.cinder.volumes.row(ALPHA).reason == f"doctor-daemon: {ME}: rack move"
        _, said = await at.desk.ask("GET", f"{ORDERS}/{order['number']}")
        assert said["order"] == order
    logged = [line for line in capsys.readouterr().out.splitlines() if "order='cinder dis" in line]
    given, ended = logged
    for line, words in ((given, "why='rack move'"), (ended, "end=achieved")):
        assert f"by={ME}" in line
        assert words in line


async def test_every_order_reaches_cinder() -> None:
    async with volume_desk() as at:
        await at.arm()
        row = at.lab.cinder.volumes.row(ALPHA)
        for order, more in (
            ("freeze", {}),
            ("thaw", {}),
            ("failover", {"to": "spare", "confirm": ALPHA}),
            ("failover", {"to": "default", "confirm": ALPHA}),
            ("set-log", {"binary": VOLUME, "prefix": "cinder", "level": "DEBUG"}),
        ):
            status, said = await at.order(order, host=ALPHA, **more)
            assert (status, said["end"], said["order"]) == (200, "achieved", order), said
        assert set(row.levels.values()) == {"DEBUG"}


async def test_what_cinder_did_not_do_is_told_with_what_helps() -> None:
    async with volume_desk() as at:
        await at.arm()
        _, said = await at.order("disable", host=ALPHA, bare=True)
        assert (said["end"], "leave --without-reason out" in said["advice"]) == (
            "not_achieved",
            True,
        )
        at.lab.cinder.volumes.row(ALPHA).disabled = True
        _, said = await at.order("enable", host=ALPHA)
        assert (said["end"], "thaw --and-enable" in said["advice"]) == ("not_achieved", True)


async def test_an_order_that_takes_long_is_asked_for_again() -> None:
    async with volume_desk(wait_s=0.1) as at:
        await at.arm()
        at.lab.cinder.volumes.kill(ALPHA)
        _, order = await at.order("freeze", host=ALPHA)
        assert (order["end"], order["text"]) == ("", "it is under way")
        status, said = await at.order("thaw", host=ALPHA)
        assert (status, said["message"]) == (
            409,
            f"another order about {VOLUME} of {ALPHA} is under way",
        )
        async with asyncio.timeout(10):
            while not order["end"]:
                _, said = await at.desk.ask("GET", f"{ORDERS}/{order['number']}")
                order = said["order"]
        assert (order["end"], "although Cinder answered 500" in order["text"]) == (
            "achieved",
            True,
        )


async def test_only_so_many_orders_run_at_a_time_and_a_stop_ends_them() -> None:
    async with volume_desk(wait_s=0.05) as at:
        await at.arm()
        at.lab.faults.add(Rule(service=Service.CINDER, do=Do.HANG, times=None))
        for number in range(volumes.RUNNING_MAX):
            assert (await at.order("freeze", host=f"h{number}@a"))[0] == 200
        status, said = await at.order("freeze", host="one@more")
        assert (status, said["message"]) == (409, "8 orders are under way: wait for one of them")
        await at.orders.close()
        _, said = await at.desk.ask("GET", f"{ORDERS}/1")
        assert (said["order"]["end"], said["order"]["text"]) == (
            "unknown",
            "the daemon was stopped meanwhile: the next one reads it back",
        )


async def test_only_so_many_ends_are_kept() -> None:
    async with volume_desk() as at:
        for _ in range(volumes.KEPT_MAX + 2):
            await at.orders.give(LevelWish(LogScope("", "nobody"), "INFO"), "ann", "x")
            await at.orders.close()
        status, _ = await refused(at.desk, "GET", f"{ORDERS}/2")
        assert status == 409
        assert (await at.desk.ask("GET", f"{ORDERS}/3"))[0] == 200


async def test_what_cannot_be_read_back_is_unknown() -> None:
    async with volume_desk() as at:
        await at.arm()
        down = Rule(service=Service.CINDER, do=Do.STATUS, path="*/os-services", after=1, times=None)
        at.lab.faults.add(down)
        _, said = await at.order("freeze", host=ALPHA)
        assert (said["end"], "it could not be read back: GET os-services" in said["text"]) == (
            "unknown",
            True,
        )
        _, said = await at.order("thaw", host=ALPHA)
        assert (said["end"], said["text"].startswith("nothing was sent: GET")) == ("refused", True)


# What is refused


async def test_without_a_cinder_everything_says_so() -> None:
    async with desk() as bare, volume_desk(kind=None) as at:
        assert (await refused(bare, "GET", "/v1/cinder/services"))[0] == 404
        for method, path, body in (
            ("GET", "/v1/cinder/services", None),
            ("GET", "/v1/cinder/log-levels", None),
            ("POST", ORDERS, {"order": "freeze", "host": ALPHA, "why": "x"}),
        ):
            status, said = await refused(at.desk, method, path, body)
            assert (status, said["message"]) == (
                409,
                "no Cinder is configured: that is the section `storage`",
            )


async def test_a_disarmed_daemon_changes_no_service() -> None:
    async with volume_desk() as at:
        for order, more in (
            ("disable", {}),
            ("enable", {}),
            ("freeze", {}),
            ("thaw", {}),
            ("failover", {"to": "spare", "confirm": ALPHA}),
        ):
            status, said = await at.order(order, host=ALPHA, **more)
            assert (status, said["message"]) == (409, "the daemon is disarmed: never armed")
        _, said = await at.order("set-log", host=ALPHA, level="INFO")
        assert said["end"] == "achieved"
        await at.arm()
        await at.desk.ask("POST", "/v1/disarm", {"why": "stop"})
        _, said = await at.order("freeze", host=ALPHA)
        assert said["message"] == f"the daemon is disarmed by {ME}: stop"


async def test_a_daemon_that_only_watches_changes_no_service() -> None:
    async with volume_desk(rig=Rig(mode=Mode.NOTIFY)) as at:
        await at.arm()
        _, said = await at.order("freeze", host=ALPHA)
    assert said["message"] == "mode is notify: nothing is changed in the cloud"


async def test_a_daemon_that_is_stopping_takes_no_order() -> None:
    async with volume_desk() as at:
        at.desk.engine.ward.stopping = True
        _, said = await at.order("set-log", level="INFO")
        at.desk.engine.ward.stopping = False
    assert said["message"] == "the daemon is stopping"


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ({"order": "reboot"}, "order", "disable | enable | freeze | thaw | failover | set-log"),
        ({"order": ["freeze"]}, "order", "disable | enable"),
        ({"order": "freeze"}, "host", "HOST@BACKEND"),
        ({"order": "freeze", "host": "a", "cluster": "b"}, "host", "cluster in its place"),
        ({"order": "freeze", "host": ""}, "host", "a text of 1 to 255 characters"),
        ({"order": "freeze", "host": 7}, "host", "a text of 1 to 255 characters"),
        ({"order": "freeze", "host": "a\nb"}, "host", "a text of 1 to 255 characters"),
        ({"order": "freeze", "host": "a", "to": "b"}, "'to'", ""),
        ({"order": "disable", "host": "a", "cluster": "b"}, "'cluster'", ""),
        ({"order": "disable", "host": "a", "bare": "yes"}, "bare", "true or false"),
        ({"order": "failover", "host": "a", "to": "b"}, "confirm", "a, typed out"),
        ({"order": "failover", "host": "a", "to": "b", "confirm": "c"}, "confirm", "a, typed"),
        ({"order": "failover", "host": "a", "confirm": "a"}, "to", "a text of 1 to 255"),
        ({"order": "set-log", "level": "LOUD"}, "level", "DEBUG | INFO | WARNING | ERROR"),
        ({"order": "set-log", "level": "INFO", "binary": "x"}, "binary", "cinder-api | "),
        ({"order": "set-log", "level": "INFO", "prefix": ""}, "prefix", "a text of 1 to 255"),
    ],
)
async def test_wrong_orders_are_refused(body: dict[str, object], field: str, expected: str) -> None:
    async with volume_desk() as at:
        status, said = await refused(at.desk, "POST", ORDERS, {**body, "why": "x"})
        assert (status, said["field"]) == (422, field)
        assert expected in said["expected"]
        assert (await refused(at.desk, "POST", ORDERS, body))[1]["field"] in ("why", field)
        assert not any(row.frozen or row.disabled for row in at.lab.cinder.volumes.rows)


# Trouble of our own


class Buggy(Cinder):
    """A Cinder with a bug."""

    @override
    async def freeze(self, target: Target, permit: Permit) -> Answer:
        msg = "a bug: password=swordfish"
        raise ValueError(msg)


@pytest.mark.expects_exceptions
async def test_a_bug_is_logged_and_told_without_its_words() -> None:
    async with volume_desk(kind=Buggy) as at:
        await at.arm()
        _, said = await at.order("freeze", host=ALPHA)
    assert (said["end"], said["text"]) == ("unknown", "internal error: see the daemon's log")
