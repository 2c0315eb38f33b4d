"""What the audit says of orders that belong to no incident."""

from __future__ import annotations

from dataclasses import replace

from doctor_daemon.core.audit import Part
from doctor_daemon.core.audit_orders import (
    armed,
    ended,
    given,
    let_through,
    maintained,
    maintenance_ended,
)
from doctor_daemon.core.context import Armed
from doctor_daemon.core.host import HostId
from doctor_daemon.core.masses import Passes
from doctor_daemon.core.volume_orders import VolumeOrder
from doctor_daemon.core.volumes import End, Finding, Target, VolumeAct, Wish
from tests.core.make import HOST, at, maintenance

ORDER = VolumeOrder(7, "ann", "CHG-1", at(0), Wish(VolumeAct.THAW, Target("stor-1@ceph")))


def test_i17_the_master_switch_is_said_with_who_and_why() -> None:
    line = armed(Armed(on=True, by="ann", at=at(1), why="in production"), at(5), 3)
    assert (line.part, line.what, line.at, line.term) == (Part.ORDER, "arm", at(1), 3)
    assert (line.by, line.cause) == ("ann", "in production")
    line = armed(Armed(by="ben", why="trouble"), at(5), 3)
    assert (line.what, line.at, line.by) == ("disarm", at(5), "ben")


def test_i17_the_same_switch_is_the_same_line_and_another_is_another() -> None:
    switch = Armed(on=True, by="ann", at=at(1), why="in production")
    keys = {
        armed(one, at(later), 3).key
        for later in (1, 2)
        for one in (
            switch,
            replace(switch, on=False),
            replace(switch, by="ben"),
            replace(switch, why="for a test"),
            replace(switch, at=at(2)),
            replace(switch, at=at(1, "boot-2")),
        )
    }
    assert len(keys) == 6


def test_i17_maintenance_is_said_with_its_host_and_its_end() -> None:
    line = maintained(maintenance(60), at(1), 3)
    assert (line.what, line.host, line.by) == ("maintenance", "cmp-1", "ben")
    assert (line.cause, line.text) == ("new memory", "until 1800000060")
    line = maintenance_ended(HOST, "ann", at(2), 3)
    assert (line.what, line.host, line.by, line.at) == (
        "end of maintenance",
        "cmp-1",
        "ann",
        at(2),
    )


def test_i17_orders_of_one_moment_about_several_hosts_are_several_lines() -> None:
    window, other = maintenance(60), HostId("default", "cmp-9")
    longer = replace(window, until=at(90))
    begun = [maintained(one, at(1), 3) for one in (window, replace(window, host=other), longer)]
    ended = [maintenance_ended(host, "ann", at(2), 3) for host in (HOST, other)]
    assert len({line.key for line in (*begun, *ended)}) == 5
    passes = Passes("p-1", 3, "ann", "the rack has no power", at(5), at(65))
    keys = {let_through(one, 3).key for one in (passes, replace(passes, count=4))}
    assert len(keys) == 2


def test_i17_a_word_that_lets_hosts_through_is_said() -> None:
    line = let_through(Passes("p-1", 3, "ann", "the rack has no power", at(5), at(65)), 3)
    assert (line.what, line.at, line.by) == ("release-hosts", at(5), "ann")
    assert (line.cause, line.text) == ("the rack has no power", "3 hosts, until 1800000065")


def test_i17_an_order_about_cinder_has_an_intent_and_a_result() -> None:
    line = given(ORDER, 3)
    assert (line.id, line.part, line.what) == ("cinder/7", Part.INTENT, "cinder thaw")
    assert (line.by, line.cause, line.at) == ("ann", "CHG-1", at(0))
    assert line.target == "cinder-volume of stor-1@ceph"
    end = ended(ORDER, Finding(End.UNKNOWN, "no answer within 100 s"), at(9), 4)
    assert (end.id, end.part, end.what, end.target) == (
        "cinder/7",
        Part.RESULT,
        "cinder thaw",
        line.target,
    )
    assert (end.outcome, end.text, end.at, end.term) == (
        "unknown",
        "no answer within 100 s",
        at(9),
        4,
    )
