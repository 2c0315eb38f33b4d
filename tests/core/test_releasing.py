"""The way back up to the Lift: what must be shown, and what happens while it is not."""

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.gates import Act, verdicts
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Inspect, Inspected, Look, Order, Read, WasRead
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.proof import Power, Reading
from doctor_daemon.core.release import Enable, Lift, Step
from tests.core.coming_back import REASON, Back
from tests.core.make import OTHER_UUID, SERVICE, level, plan, servers
from tests.core.moving import THERE, row


def shut(walk: Back) -> list[str]:
    """The gates that keep the flag where it is."""
    return [gate.name for gate, why in verdicts(Act.LIFT, walk.incident, walk.context) if why]


def test_the_whole_way_back() -> None:
    walk = Back().to_down().list("web").order(Order.RELEASE)
    began = len(walk.incident.timeline) - 1
    walk.identify().read(Power.ON).tell().show().round().round()
    assert walk.one(Lift) == Lift(1, SERVICE)
    walk.lift().show().watch()
    assert walk.one(Enable) == Enable(2, SERVICE)
    walk.enable().show()
    assert walk.phase is Phase.RESOLVED
    assert [entry.text for entry in walk.incident.timeline[began:]] == [
        "release by ann: because I looked",
        "every gate is open: having Nova lift forced_down",
        "lifting the flag accepted: 200",
        "Nova has lifted the flag (read back); watching it for 60 s",
        "enabling it",
        "enabling accepted: 200",
        "back in service: Nova has it up and enabled",
    ]
    assert walk.told == [NoticeKind.SUSPECTED, NoticeKind.CONFIRMED, NoticeKind.RECOVERED]


def test_at_first_everything_is_asked() -> None:
    walk = Back().to_releasing()
    assert walk.identify().all(Read)
    assert len(walk.all(Look)) == len(walk.all(Inspect)) == 1
    assert shut(walk) == ["alive", "restarted", "listed"]


# alive


@pytest.mark.parametrize("power", [Power.OFF, Power.UNKNOWN])
def test_c11_power_that_does_not_read_on_is_no_sign_of_life(power: Power) -> None:
    walk = Back().to_releasing().identify().read(power)
    for _ in range(3):
        walk.round(power)
    assert shut(walk) == ["alive"]
    assert walk.round(Power.ON).all(Lift)


def test_another_chassis_that_is_on_is_no_sign_of_life() -> None:
    walk = Back().to_releasing().identify(OTHER_UUID).read(Power.ON).tell().show()
    for _ in range(3):
        walk.round(Power.ON)
    assert shut(walk) == ["alive"]


def test_a_source_that_sees_it_alive_will_do_where_the_power_cannot_be_read() -> None:
    walk = Back().to_releasing().round(Power.UNKNOWN).round(Power.UNKNOWN).round(Power.UNKNOWN)
    assert shut(walk) == ["alive"]
    lines = len(walk.incident.timeline)
    assert walk.hear(verdict=Verdict.UP).all(Lift)
    assert len(walk.incident.timeline) == lines + 1


def test_power_that_reads_off_outweighs_a_source() -> None:
    walk = Back().to_releasing().round(Power.OFF).hear(verdict=Verdict.UP)
    for _ in range(3):
        walk.round(Power.OFF)
    assert shut(walk) == ["alive"]


def test_devices_that_are_not_configured_any_more_are_not_read() -> None:
    walk = Back().to_releasing().given(plan=plan(levels=()))
    assert walk.elapse(1).all(Read) == []
    walk.round().round().round()
    assert shut(walk) == ["alive"]
    assert walk.hear(verdict=Verdict.UP).round().all(Lift)


def test_whoever_vouched_that_it_is_off_is_believed_that_it_is_on() -> None:
    walk = Back(plan=plan(level())).to_fencing().order(Order.CONFIRM_OFF, 600)
    walk.show(**{**THERE, "forced_down": False, "status": "enabled", "reason": ""})
    walk.put().show(**{**THERE, "reason": REASON}).order(Order.RELEASE)
    assert walk.phase is Phase.RELEASING
    walk.tell().show().round().round()
    assert walk.all(Lift)


def test_power_that_a_guard_had_read_on_before_the_order_is_no_sign_of_life() -> None:
    """Its answer may come after the order, and after its device was asked who it is again."""
    walk = Back().to_down()
    late, asked_at = Read(1, 1, "bmc", walk.attempt.device("bmc").reads), walk.now
    walk.order(Order.RELEASE).identify()
    walk.see(WasRead(late, Reading(Power.ON, "on", asked_at, walk.now)))
    walk.tell().show()
    assert walk.attempt.device("bmc").readings
    assert "alive" in shut(walk)
    assert "alive" not in shut(walk.round())


def test_reports_of_nova_compute_alone_are_no_sign_of_life() -> None:
    """They are asked for besides: a queue may hand some on long after their sender's death."""
    walk = Back().to_releasing().tell().show()
    for _ in range(5):
        walk.round(Power.UNKNOWN)
    assert walk.incident.release.reports > 2
    assert (walk.incident.life_at, shut(walk)) == (None, ["alive"])


# nova-compute


def test_trap_9_nova_compute_that_is_never_started_keeps_the_flag_and_then_holds() -> None:
    walk = Back().to_releasing()
    for _ in range(88):
        walk.elapse(10).identify().read(Power.ON).tell().show()
    assert (walk.phase, shut(walk)) == (Phase.RELEASING, ["restarted"])
    walk.elapse(20)
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert "nova-compute of cmp-1 has reported in 0 times; 2 are needed" in walk.said


def test_a_write_to_the_service_moves_updated_at_and_is_no_report() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show().round()
    assert walk.incident.release.reports == 1
    walk.elapse(10).read(Power.ON).tell().report(reason="the rack is moved")
    assert walk.incident.release.reports == 0
    assert walk.round().incident.release.reports == 1


def test_nova_compute_that_falls_silent_again_has_not_been_started() -> None:
    walk = Back().to_releasing().tell().show().round(Power.OFF).round(Power.OFF)
    assert walk.incident.release.reports == 2
    for _ in range(6):
        walk.elapse(10).tell().show()
    assert walk.incident.release.reports == 2
    assert walk.elapse(10).tell().show().incident.release.reports == 0


# evacuations


def test_trap_8_done_evacuations_keep_the_flag_until_nova_compute_has_cleaned_up() -> None:
    walk = Back().rows_are(web="done", db="completed").to_releasing()
    walk.identify().read(Power.ON).round().round().round()
    assert shut(walk) == ["cleaned"]
    assert walk.incident.release.done == (1,)
    walk.rows_are(web="completed", db="completed").round()
    assert walk.all(Lift)


@pytest.mark.parametrize("status", ["accepted", "pre-migrating", "strange"])
def test_trap_9_an_evacuation_that_does_not_end_holds_and_is_named(status: str) -> None:
    walk = Back().rows_are(db="failed", web=status).to_releasing()
    for _ in range(59):
        walk.round()
    assert (walk.phase, shut(walk)) == (Phase.RELEASING, ["ended"])
    walk.round()
    assert (walk.phase, walk.gate) == (Phase.HELD, "release")
    assert walk.said.startswith("held: evacuations 2@cmp-9 from cmp-1 do not end; `doctor-")


@pytest.mark.parametrize("status", ["failed", "error", "cancelled", "completed"])
def test_an_evacuation_that_is_over_keeps_nothing(status: str) -> None:
    walk = Back().to_releasing()
    walk.rows = {1: row(1, "web", "pre-migrating"), 2: row(2, "web", status)}
    assert walk.identify().read(Power.ON).round().round().round().all(Lift)


def test_an_evacuation_that_is_younger_than_the_one_that_ended_still_keeps_it() -> None:
    walk = Back().to_releasing()
    walk.rows = {1: row(1, "web", "failed"), 2: row(2, "web", "pre-migrating")}
    walk.identify().read(Power.ON).round().round().round()
    assert walk.incident.release.open == (2,)


def test_a_list_that_fails_is_asked_for_again_and_an_old_one_means_nothing() -> None:
    walk = Back().to_releasing()
    walk.fail(walk.one(Inspect), "503")
    assert walk.all(Inspect) == []
    walk.elapse(1)
    late = walk.one(Inspect)
    before = walk.incident
    assert walk.see(Inspected(late.number - 1, walk.now, (), servers())).incident is before
    assert walk.fail(Inspect(late.number - 1)).incident is before
    walk.round().round().round()
    assert walk.incident.release.inspected_at == walk.now


def test_a_list_that_comes_late_means_nothing_to_a_host_that_stays_down() -> None:
    walk = Back().to_down()
    before = walk.incident
    late = Inspected(before.rounds.inspections, walk.now, (row(1, "web", "done"),), servers())
    assert walk.see(late).incident is before


def test_a_list_that_has_grown_old_shows_nothing() -> None:
    walk = Back().to_releasing().identify().read(Power.ON).tell().show()
    for _ in range(4):
        walk.elapse(10)
        for effect in walk.all(Inspect):
            walk.fail(effect)
        walk.read(Power.ON).report()
    assert "listed" in shut(walk)


def test_very_many_evacuations_are_not_all_named() -> None:
    walk = Back().to_releasing()
    walk.rows = {n: row(n, f"vm-{n}", "done") for n in range(1, 31)}
    walk.tell()
    asked = verdicts(Act.LIFT, walk.incident, walk.context)
    found = {gate.name: why for gate, why in asked}
    assert "19, 20 and more are done" in found["cleaned"]


# other hands


def test_a_flag_that_somebody_else_had_set_is_left_to_them() -> None:
    walk = Back().to_fencing().identify().look(forced_down=True, state="down").cut().prove()
    assert walk.phase is Phase.DOWN
    assert walk.incident.marking.foreign_flag
    walk.order(Order.RELEASE).identify().read(Power.ON).tell()
    walk.show(status="enabled", reason="").round().round()
    assert shut(walk) == ["ours"]
    walk.round().elapse(10).read(Power.ON).tell().report(forced_down=False, state="up")
    for _ in range(2):
        walk.round()
    assert walk.step is Step.WATCHING
    assert "Nova does not have it forced down any more; watching it for 60 s" in walk.said
    walk.watch()
    assert (walk.phase, walk.said) == (
        Phase.RESOLVED,
        "back in service: Nova has it up and enabled",
    )


def test_another_service_of_that_name_holds() -> None:
    walk = Back().to_releasing().show(uuid="another")
    assert (walk.phase, walk.gate) == (Phase.HELD, "service")
    assert walk.incident.look_at is None


def test_disarmed_nothing_is_lifted() -> None:
    walk = Back().to_releasing().given(armed=Armed()).round().round().round()
    assert shut(walk) == ["armed"]
    assert walk.all(Lift) == []


def test_while_a_look_is_missing_nothing_is_decided() -> None:
    walk = Back().to_releasing().wait(5)
    walk.fail(walk.one(Look))
    assert walk.tell().round().round().phase is Phase.RELEASING
