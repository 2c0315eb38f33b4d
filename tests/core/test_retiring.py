"""Taking a host out for good: nothing is deleted before all is shown, nothing believed unread."""

from dataclasses import replace

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostPlan, Mode
from doctor_daemon.core.messages import Order, Read
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power, ProofKind
from doctor_daemon.core.retirement import Course, DeleteService, Survey
from tests.core.leaving import Leaving, transit
from tests.core.make import MANUAL, SERVICE, maintenance, plan


def test_all_is_shown_then_it_is_deleted_and_then_nova_lists_it_no_more() -> None:
    walk = Leaving().to_ordered()
    assert walk.one(Survey) == Survey(1)
    walk.survey()
    assert walk.all(DeleteService) == []
    walk.off()
    assert [walk.course] == [Course.DELETING]
    assert walk.one(DeleteService).service == SERVICE
    walk.delete()
    assert (walk.phase, walk.all(DeleteService)) == (Phase.DOWN, [])
    told = walk.told
    walk.survey()
    assert walk.phase is Phase.RESOLVED
    assert walk.said == (
        "decommissioned by ann: because I looked; Nova has no compute service of cmp-1 any more: "
        "take it out of the configuration"
    )
    assert (walk.told, walk.due) == (told, ())
    assert walk.course is Course.OVER


def test_power_that_is_off_alone_is_not_enough() -> None:
    walk = Leaving().to_ordered().off()
    assert (walk.course, walk.all(DeleteService)) == (Course.SHOWING, [])


def test_where_the_power_can_be_read_it_is_proven_off_once_more() -> None:
    walk = Leaving().to_ordered().survey()
    before = walk.incident.proof
    assert before is not None
    walk.identify().read()
    assert (walk.course, walk.incident.proof) == (Course.SHOWING, before)
    walk.off()
    after = walk.incident.proof
    assert after is not None
    assert after.taken_at.since(walk.wish.since) >= 0
    assert "still proven off" in [entry.text for entry in walk.incident.timeline]


def test_a_proof_that_grows_old_while_nova_is_slow_is_taken_again() -> None:
    walk = Leaving().to_ordered().off()
    first = walk.incident.proof
    walk.elapse(31).off()
    second = walk.incident.proof
    assert first is not None
    assert second is not None
    assert second.taken_at.since(first.valid_until) > 0
    assert walk.survey().course is Course.DELETING


def test_reads_of_long_ago_prove_nothing() -> None:
    walk = Leaving().to_ordered().off()
    proof = walk.incident.proof
    walk.elapse(31)
    assert walk.incident.proof is proof


def test_where_nobody_can_read_it_half_a_minute_of_silence_and_a_word_stand_for_it() -> None:
    walk = Leaving().to_ordered().survey()
    walk.elapse(10).survey().elapse(10).survey()
    assert [walk.course] == [Course.SHOWING]
    walk.elapse(10).survey()
    assert [walk.course] == [Course.DELETING]


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_host_that_a_human_vouched_for_goes_by_word_however_old_that_is(seconds: int) -> None:
    walk = Leaving(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600).look().put()
    walk.look(state="down", forced_down=True, status="disabled").list("web").elapse(seconds)
    walk.order(Order.DECOMMISSION).survey()
    assert walk.incident.fencing is None
    assert [walk.course] == [Course.SHOWING]
    walk.minutes(0.5)
    assert [walk.course] == [Course.DELETING]
    assert walk.incident.proof is not None
    assert walk.incident.proof.kind is ProofKind.HUMAN


def test_devices_that_were_changed_meanwhile_prove_nothing() -> None:
    walk = Leaving().to_down().list("web").given(plan=plan(digest="other"))
    walk.order(Order.DECOMMISSION).survey()
    before = walk.incident.proof
    walk.off()
    assert walk.incident.proof is before
    walk.minutes(0.5)
    assert [walk.course] == [Course.DELETING]


@pytest.mark.parametrize("changed", [plan(MANUAL), plan(levels=())], ids=["a human", "gone"])
def test_a_level_without_devices_any_more_is_not_read_and_proves_nothing(changed: HostPlan) -> None:
    walk = Leaving().to_down().list("web").given(plan=changed)
    before = walk.incident.proof
    walk.order(Order.DECOMMISSION).survey().minutes(0.5)
    assert [walk.course] == [Course.DELETING]
    assert walk.incident.proof is before


def test_a_proof_from_before_it_was_switched_on_does_not_do() -> None:
    """Nobody can read its power, and it was on in between: only silence would speak for it."""
    walk = Leaving(plan=plan(MANUAL)).to_fencing().order(Order.CONFIRM_OFF, 600).look().put()
    walk.look(state="down", forced_down=True, status="disabled").list("web").elapse(5)
    release = replace(walk.incident.release, switched_at=walk.now)
    walk.incident = replace(walk.incident, release=release)
    walk.order(Order.DECOMMISSION).survey().minutes(1)
    assert [walk.course] == [Course.SHOWING]
    walk.minutes(1.5)
    assert not_done(walk) == "cmp-1 was switched on after it was proven off; it is read again"


def test_one_that_was_switched_on_is_proven_off_once_more() -> None:
    walk = Leaving().to_down().list("web").elapse(5)
    release = replace(walk.incident.release, switched_at=walk.now)
    walk.incident = replace(walk.incident, release=release)
    walk.order(Order.DECOMMISSION).survey().off()
    assert [walk.course] == [Course.DELETING]


# what keeps it


def not_done(walk: Leaving) -> str:
    """Return why it is not done: the order is over, and the host stays as it is."""
    assert (walk.phase, walk.course) == (Phase.DOWN, Course.OVER)
    assert walk.due == ()
    return walk.said.removeprefix("not decommissioned: ")


def test_power_that_is_on_ends_the_order() -> None:
    walk = Leaving().to_ordered().survey().identify().read(Power.ON)
    assert not_done(walk) == (
        "the power of cmp-1 reads on; see whether it lives, and who switched it on"
    )


def test_power_that_was_read_before_the_order_says_nothing() -> None:
    walk = Leaving().to_ordered().survey().identify()
    walk.answer_read(walk.one(Read), Power.ON, asked_s=-5)
    assert walk.course is Course.SHOWING


def test_a_sign_of_life_since_the_proof_ends_the_order() -> None:
    walk = Leaving().to_ordered().hear(verdict=Verdict.UP)
    assert not_done(walk).startswith("cmp-1 was heard alive; see whether it lives")


def test_a_sign_of_life_from_before_the_power_was_read_again_does_not() -> None:
    walk = Leaving().to_down().list("web").hear(verdict=Verdict.UP)
    walk.order(Order.DECOMMISSION).survey()
    assert [walk.course] == [Course.SHOWING]
    assert walk.off().course is Course.DELETING


def test_where_the_power_cannot_be_read_it_does() -> None:
    walk = Leaving().to_down().list("web").hear(verdict=Verdict.UP)
    walk.order(Order.DECOMMISSION).survey().minutes(2.5)
    assert not_done(walk).startswith("cmp-1 was heard alive after it was proven off")


def test_a_nova_compute_that_reports_in_ends_the_order() -> None:
    walk = Leaving().to_ordered().survey()
    walk.elapse(10).survey(updated_s=1010.0)
    assert not_done(walk).startswith("nova-compute of cmp-1 has reported in")


def test_what_it_reported_before_the_order_does_not_count() -> None:
    walk = Leaving().to_down().list("web").order(Order.DECOMMISSION)
    assert walk.survey(updated_s=5000.0).off().course is Course.DELETING


def test_servers_end_the_order() -> None:
    walk = Leaving()
    walk.left = ("web", "db")
    walk.to_ordered().survey().off()
    assert not_done(walk) == (
        "by Nova there are servers on cmp-1: id-web, id-db; move them, or delete them"
    )


def test_not_more_than_twenty_are_named() -> None:
    walk = Leaving()
    walk.left = tuple(f"s{number}" for number in range(25))
    walk.to_ordered().survey().off()
    assert "id-s19 and more" in not_done(walk)
    assert "id-s20" not in walk.said


@pytest.mark.parametrize(
    "status", ["accepted", "pre-migrating", "running", "finished", "queued", "a new word"]
)
def test_a_migration_that_is_not_over_ends_the_order(status: str) -> None:
    walk = Leaving()
    walk.transits = (transit("completed", id_=6), transit(status))
    walk.to_ordered().survey().off()
    assert not_done(walk).startswith(
        f"migrations of cmp-1 are not over: live-migration 7 of id-web ({status})"
    )


@pytest.mark.parametrize(
    "status", ["completed", "done", "confirmed", "reverted", "failed", "error", "cancelled"]
)
def test_migrations_that_are_over_do_not_matter(status: str) -> None:
    walk = Leaving()
    walk.transits = (transit(status, "evacuation"), transit(status, "", 8))
    assert walk.to_delete().course is Course.DELETING


def test_c4_a_flag_that_is_gone_ends_the_order_and_is_told() -> None:
    walk = Leaving().to_ordered().survey(forced_down=False).off()
    assert not_done(walk).startswith("Nova does not have cmp-1 forced down any more")
    said = [entry.text for entry in walk.incident.timeline]
    assert (
        "ALARM: forced_down was cleared by somebody else; `doctor-daemon close HOST` ends this"
        in said
    )


def test_another_service_of_the_same_name_is_for_a_human() -> None:
    walk = Leaving().to_ordered().survey(uuid="another")
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")
    assert walk.course is Course.OVER


def test_a_nova_that_does_not_tell_ends_the_order() -> None:
    walk = Leaving().to_ordered()
    for _ in range(40):
        for effect in walk.all(Survey):
            walk.fail(effect, "503")
        if walk.course is Course.OVER:
            break
        walk.elapse(5).identify().read()
    assert not_done(walk) == (
        "Nova has not told in the last 30 s what is left of cmp-1 (503); it is asked again"
    )


def test_a_nova_that_tells_late_is_asked_again() -> None:
    walk = Leaving().to_ordered()
    walk.fail(walk.one(Survey), "503")
    assert walk.all(Survey) == []
    walk.elapse(1)
    assert walk.one(Survey) == Survey(2)
    assert walk.survey().wish.error == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"armed": Armed()}, "the daemon is disarmed: never armed; `doctor-daemon arm`"),
        (
            {"maintenance": maintenance(9999)},
            "cmp-1 is in maintenance by ben: new memory; end the maintenance",
        ),
        (
            {"plan": plan(protected="it runs the clocks")},
            "cmp-1 is protected: it runs the clocks; a human must see to this host",
        ),
    ],
)
def test_the_gates_end_the_order(changes: dict[str, object], why: str) -> None:
    walk = Leaving().to_down().list("web").given(**changes).order(Order.DECOMMISSION)
    assert not_done(walk) == why


def test_a_mode_that_does_not_fence_deletes_nothing() -> None:
    walk = Leaving().to_down().list("web").given(mode=Mode.OBSERVE).order(Order.DECOMMISSION)
    assert not_done(walk).startswith("mode is observe")
