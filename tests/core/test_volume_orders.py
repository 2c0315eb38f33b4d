"""What is said of an order about Cinder that was not followed to its end."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.log_levels import LevelWish, LogScope
from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volume_orders import LEFT, LOOK, VolumeOrder, mourned, unread
from doctor_daemon.core.volumes import End, Target, VolumeAct, VolumeService, Wish, judged
from tests.core.make import HOST as COMPUTE
from tests.core.make import at

HOST = "stor-1@ceph"
ROW = VolumeService("cinder-volume", HOST, "enabled", "up")
OFF = replace(ROW, status="disabled", reason="rack move")
BARE = replace(OFF, host="stor-2@ceph", reason="")
FREEZE, THAW = (Wish(act, Target(HOST)) for act in (VolumeAct.FREEZE, VolumeAct.THAW))
LOST = (Outcome.UNKNOWN, "no answer within 100 s")


def test_an_order_has_the_name_and_target_of_its_wish() -> None:
    order = VolumeOrder(7, "ann", "CHG-1", at(0), THAW)
    assert (order.name, order.target) == ("thaw", f"cinder-volume of {HOST}")
    assert (order.owner, order.over) == ("order 7", False)
    levels = LevelWish(LogScope("cinder-volume", HOST), "DEBUG")
    order = VolumeOrder(8, "ann", "CHG-1", at(0), levels=levels)
    assert (order.name, order.target) == ("set-log", f"cinder-volume of {HOST}")
    assert VolumeOrder(9, "ann", "CHG-1", at(0)).target == "nothing"


def test_a_foreign_disabling_is_named_when_a_read_back_fails() -> None:
    found = unread(FREEZE, [OFF, BARE], LOST, "GET os-services: 503")
    assert (found.end, found.text, found.advice) == (
        End.UNKNOWN,
        (
            "no answer within 100 s; it could not be read back: GET os-services: 503; "
            "stor-1@ceph had been disabled (rack move), and may be so no more; "
            "stor-2@ceph had been disabled (no "
            "reason), and may be so no more"
        ),
        (
            f"{LOOK}; disable stor-1@ceph again if it is enabled; "
            "disable stor-2@ceph again if it is enabled"
        ),
    )


def test_what_cinder_has_refused_put_nobody_s_disabling_at_risk() -> None:
    found = unread(THAW, [OFF], (Outcome.REFUSED, "Cinder answered 400"), "503")
    assert (found.end, found.text, found.advice) == (
        End.UNKNOWN,
        "Cinder answered 400; it could not be read back: 503",
        LOOK,
    )


def test_a_disabling_that_was_lost_meanwhile_is_not_passed_over() -> None:
    finding = judged(THAW, LEFT, [ROW])
    assert finding.end is End.ACHIEVED
    found = mourned(finding, THAW, [OFF], [ROW])
    assert (found.end, found.advice) == (End.NOT_ACHIEVED, f"disable {HOST} again")
    assert found.text.endswith(f"; {HOST} had been disabled (rack move), and is not so any more")
    assert mourned(finding, THAW, [], [ROW]) == finding
    assert mourned(finding, THAW, [OFF], [OFF]) == finding


def test_an_order_is_over_once_its_log_levels_are_put_back_too() -> None:
    done = judged(THAW, LEFT, [ROW])
    order = VolumeOrder(7, "ann", "CHG-1", at(0), THAW)
    assert not order.over
    assert replace(order, finding=done).over
    raised = replace(order, finding=done, until=COMPUTE)
    assert not raised.over
    assert replace(raised, put_back=done).over
