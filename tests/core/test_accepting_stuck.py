"""Evacuations that never end: an operator vouches for them, one by one, and that is recorded."""

import pytest

from doctor_daemon.core.evacuation import Stuck
from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.messages import Order, Ordered
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.release import Lift
from tests.core.coming_back import Back
from tests.core.moving import row

AT = Stuck(1, "cmp-9")


def held(walk: Back | None = None) -> Back:
    """Walk to a release that has waited for an evacuation in vain."""
    walk = (walk or Back().rows_are(web="pre-migrating")).to_releasing()
    while walk.phase is Phase.RELEASING:
        walk.round()
    return walk


def accept(walk: Back, *stuck: Stuck) -> Back:
    walk.wait(1)
    return walk.see(Ordered(Order.RELEASE, "ann", "virsh says so", walk.now, accept=stuck))


def all_shown(walk: Back) -> Back:
    walk.identify().read(Power.ON).tell().show()
    return walk.round().round().round()


def test_it_is_named_with_its_destination() -> None:
    walk = held()
    assert walk.said == (
        "held: evacuations 1@cmp-9 from cmp-1 do not end; "
        "`doctor-daemon release HOST` tries again; "
        "with --accept-stuck if no guest of it is at its destination"
    )
    assert walk.incident.release.stuck == (AT,)


def test_once_a_human_vouches_for_it_the_host_comes_back() -> None:
    walk = accept(held(), AT)
    order, word = walk.incident.timeline[-2:]
    assert order.text == "release by ann: virsh says so"
    assert word.text == (
        "ann vouches that evacuation 1 is stuck, and that cmp-9 has no guest of its server; "
        "Nova cannot show that"
    )
    all_shown(walk)
    assert walk.all(Lift)
    walk.lift().show().watch()
    walk.enable().show()
    assert walk.phase is Phase.RESOLVED
    said = [entry.text for entry in walk.incident.timeline]
    assert any(text.startswith("evacuations 1 are stuck: before a server") for text in said)


def test_one_that_has_no_destination_yet() -> None:
    walk = Back()
    walk.rows = {1: row(1, "web", "accepted")}
    walk = accept(held(walk), Stuck(1, ""))
    assert walk.said == (
        "ann vouches that evacuation 1 is stuck, and that it has no destination; "
        "Nova cannot show that"
    )
    assert all_shown(walk).all(Lift)


@pytest.mark.parametrize("stuck", [Stuck(1, "cmp-8"), Stuck(2, "cmp-9"), Stuck(1, "")])
def test_only_what_nova_shows_can_be_vouched_for(stuck: Stuck) -> None:
    walk = accept(held(), stuck)
    assert walk.phase is Phase.HELD
    assert f"{stuck} is not an evacuation that does not end, as Nova has it: 1@cmp-9" in walk.said


def test_nothing_is_vouched_for_before_it_was_waited_for() -> None:
    walk = accept(Back().rows_are(web="pre-migrating").to_down(), AT)
    assert walk.phase is Phase.DOWN
    assert "no evacuation is taken for stuck before the release has waited for it" in walk.said
    walk = accept(Back().to_releasing().round(), AT)
    assert "the incident is releasing; release is for one that is down or held" in walk.said


def test_where_none_is_stuck_there_is_nothing_to_vouch_for() -> None:
    walk = Back().to_releasing()
    for _ in range(200):
        walk.elapse(10).tell().show()
    accept(walk, AT)
    assert "as Nova has it: there is none" in walk.said


def test_one_that_goes_elsewhere_meanwhile_is_another_one() -> None:
    walk = accept(held(), AT)
    walk.rows[1] = row(1, "web", "pre-migrating", "cmp-7")
    all_shown(walk)
    assert walk.all(Lift) == []
    assert walk.incident.release.stuck == (Stuck(1, "cmp-7"),)


def test_one_that_ends_after_all_is_no_secret() -> None:
    walk = all_shown(accept(held(), AT)).lift().show()
    walk.rows[1] = row(1, "web", "done", "cmp-9")
    walk.round()
    assert walk.said.startswith("ALARM: evacuations 1 have ended after nova-compute was started")


def test_it_holds_for_a_later_order_too_and_for_the_power() -> None:
    walk = accept(held(), AT).order(Order.DISMISS)
    assert walk.phase is Phase.DOWN
    walk.order(Order.POWER_ON).tell()
    gates = {g.name: why for g, why in verdicts(Act.SWITCH_ON, walk.incident, walk.context)}
    assert gates["ended"] == ""
    walk.order(Order.RELEASE)
    assert walk.incident.release.accepted == (AT,)


def test_two_are_vouched_for_one_after_the_other() -> None:
    walk = held(Back().rows_are(web="pre-migrating", db="pre-migrating"))
    accept(walk, AT)
    while walk.phase is Phase.RELEASING:
        walk.round()
    assert walk.incident.release.stuck == (Stuck(2, "cmp-9"),)
    accept(walk, Stuck(2, "cmp-9"))
    assert walk.incident.release.accepted == (AT, Stuck(2, "cmp-9"))
    assert all_shown(walk).all(Lift)


def test_what_was_vouched_for_is_forgotten_when_the_host_is_fenced_again() -> None:
    walk = accept(held(), AT)
    while walk.phase is Phase.RELEASING:
        walk.elapse(10)
    assert walk.order(Order.FENCE).incident.release.accepted == ()
