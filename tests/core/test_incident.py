"""The incident as a value: its bounds, its timeline, and what it knows of itself."""

from dataclasses import replace

import pytest

from doctor_daemon.core.incident import (
    TIMELINE_MAX,
    Held,
    Incident,
    Marking,
    NoticeKind,
    open_incident,
)
from doctor_daemon.core.incident import IncidentId as Id
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import RAW_MAX, READINGS_MAX, DeviceTry, Outcome, Try
from tests.core.make import (
    Fields,
    at,
    evidence,
    identity,
    incident,
    plan,
    power_proof,
    reading,
    server,
    servers,
    sighting,
)

HELD = Held("look", "nobody knows", "go and look")


# opening


def test_an_incident_opens_with_the_servers_on_the_host_and_hears_its_evidence_next() -> None:
    opened = open_incident(
        Id("inc-7"), evidence(3), plan(), servers(server("a"), server("b"), seconds=1)
    )
    assert opened.phase is Phase.SUSPECTED
    for moment in (opened.opened_at, opened.phase_at, opened.progress_at, opened.grace_from):
        assert moment == at(3)
    assert opened.words == {}
    assert set(opened.servers) == {"id-a", "id-b"}
    assert opened.servers_wall_s == at(1).wall_s


@pytest.mark.parametrize(
    ("summary", "domain", "text"),
    [
        (
            "HostDown",
            "rack-1",
            "alertmanager says down (alertmanager-kind): HostDown; failure domain rack-1",
        ),
        ("HostDown", "", "alertmanager says down (alertmanager-kind): HostDown"),
        ("", "", "alertmanager says down (alertmanager-kind)"),
    ],
)
def test_the_first_line_says_who_said_what(summary: str, domain: str, text: str) -> None:
    said = evidence(summary=summary)
    (entry,) = open_incident(Id("i"), said, plan(domain=domain), servers()).timeline
    assert (entry.seq, entry.text, entry.tell) == (1, text, NoticeKind.SUSPECTED)


# moving


@pytest.mark.parametrize("start", Phase)
def test_no_step_outside_the_diagram_exists(start: Phase) -> None:
    standing = incident(phase=start)
    for end in Phase:
        if end in SUCCESSORS[start]:
            assert standing.move(end, at(9), "because").phase is end
        else:
            with pytest.raises(ValueError, match=f"{start} may not be followed by {end}"):
                standing.move(end, at(9), "because")


def test_a_step_forgets_what_belonged_to_the_phase_before() -> None:
    held = incident().hold(at(1), HELD)
    moved = replace(held, retry_at=at(50)).move(Phase.FENCING, at(9), "again")
    assert (moved.held, moved.retry_at, moved.closing) == (None, None, None)
    assert (moved.phase_at, moved.progress_at) == (at(9), at(9))
    last = moved.timeline[-1]
    assert (last.phase, last.at, last.text, last.tell) == (Phase.FENCING, at(9), "again", None)


def test_a_held_incident_says_why_and_what_would_free_it_and_consumers_hear_it() -> None:
    held = incident().hold(at(1), HELD)
    last = held.timeline[-1]
    assert (held.phase, held.held) == (Phase.HELD, replace(HELD, out_of=Phase.SUSPECTED))
    assert (last.text, last.tell) == ("held: nobody knows; go and look", NoticeKind.HELD)


# timeline


def test_lines_are_numbered_in_order() -> None:
    noted = incident().note(at(1), "one").note(at(2), "two")
    assert [entry.seq for entry in noted.timeline] == [1, 2, 3]


def test_a_line_may_be_told_about_some_servers_only() -> None:
    told = incident().tell(at(1), "two servers", NoticeKind.WITHDRAWN, (server("x"),))
    assert told.timeline[-1].servers == (server("x"),)
    assert told.note(at(2), "all").timeline[-1].servers is None


def test_i20_the_timeline_is_bounded_but_what_is_told_is_never_lost() -> None:
    full = incident()
    while len(full.timeline) < TIMELINE_MAX - 1:
        full = full.note(at(1), "again")
    last = full.note(at(1), "the last")
    assert len(last.timeline) == TIMELINE_MAX
    assert last.note(at(2), "one too many") is last
    told = last.note(at(2), "held", NoticeKind.HELD)
    assert (told.timeline[-1].seq, told.timeline[-1].text) == (TIMELINE_MAX + 1, "held")


# what it knows


def test_only_the_last_readings_are_kept_and_all_are_counted() -> None:
    device = DeviceTry()
    for second in range(READINGS_MAX + 3):
        device = device.read(reading(Power.ON, second))
    assert device.reads == READINGS_MAX + 3
    assert [read.asked_at for read in device.readings] == [
        at(second) for second in range(3, READINGS_MAX + 3)
    ]


def test_of_a_long_run_of_off_the_first_and_the_on_before_it_are_kept_too() -> None:
    device = DeviceTry().read(reading(Power.ON, 0))
    for second in range(1, READINGS_MAX + 3):
        device = device.read(reading(Power.OFF, second))
    assert [read.asked_at for read in device.readings] == [
        at(second) for second in (0, 1, *range(5, READINGS_MAX + 3))
    ]
    device = device.read(reading(Power.ON, 99))
    for second in range(100, 98 + READINGS_MAX):
        device = device.read(reading(Power.OFF, second))
    assert [read.power for read in device.readings[:3]] == [Power.OFF, Power.ON, Power.OFF]


@pytest.mark.parametrize("errors", [(1,), (1, 3), (1, 3, 5, 9)])
def test_b1_errors_in_a_long_run_of_off_hide_neither_its_first_nor_themselves(
    errors: tuple[int, ...],
) -> None:
    """As many reads as a proof may need are kept behind the last error."""
    device = DeviceTry()
    for second in range(errors[-1] + READINGS_MAX - 1):
        power = Power.UNKNOWN if second in errors else Power.OFF
        device = device.read(reading(power, second))
        assert device.readings[0].asked_at == at(0)
    powers = [read.power for read in device.readings]
    assert powers == [Power.OFF, Power.UNKNOWN, *[Power.OFF] * (READINGS_MAX - 2)]
    assert device.read(reading(Power.ON, 99)).readings[-1].power is Power.ON


@pytest.mark.parametrize("before", [(), (Power.ON,)])
def test_an_error_before_a_long_run_of_off_is_not_kept(before: tuple[Power, ...]) -> None:
    device = DeviceTry()
    powers = [*before, Power.UNKNOWN, *[Power.OFF] * READINGS_MAX]
    for second, power in enumerate(powers):
        device = device.read(reading(power, second))
    kept = [read.power for read in device.readings]
    assert kept == [*before, *[Power.OFF] * (READINGS_MAX - len(before))]


def test_i20_what_a_device_says_in_its_own_words_is_cut_short() -> None:
    long = replace(reading(Power.ON, 1), raw="x" * (RAW_MAX + 1))
    assert DeviceTry().read(long).readings[0].raw == "x" * RAW_MAX


def test_a_device_that_has_answered_nothing_is_empty() -> None:
    attempt = Try(1, 1, 1, "d", at(0))
    assert attempt.device("bmc") == DeviceTry()
    put = attempt.put("bmc", DeviceTry(failure="401"))
    assert put.device("bmc").failure == "401"
    assert put.device("psu") == DeviceTry()
    assert put.put("psu", DeviceTry()).device("bmc").failure == "401"


@pytest.mark.parametrize(
    ("fields", "untouched"),
    [
        ({}, True),
        ({"cut_started": at(1)}, False),
        ({"proof": power_proof()}, False),
        ({"marking": Marking(number=1)}, False),
    ],
)
def test_an_incident_knows_whether_it_has_changed_anything(
    fields: dict[str, Fields], *, untouched: bool
) -> None:
    assert incident(**fields).untouched is untouched


@pytest.mark.parametrize(
    ("charges", "refences", "charged"),
    [(0, 0, False), (1, 0, True), (1, 1, False), (2, 1, True), (2, 2, False)],
)
def test_each_round_of_fencing_is_charged_once(
    charges: int, refences: int, *, charged: bool
) -> None:
    taken: Incident = incident(charges=(at(0),) * charges, refences=refences)
    assert taken.charged is charged


# Nova's rows


@pytest.mark.parametrize(
    ("change", "stirred"),
    [
        ({"updated_s": 1000.25}, True),
        ({"updated_s": 1000.0}, False),
        ({"updated_s": 999.0}, False),
        ({"updated_s": 1001.0, "state": "up"}, True),
        ({"updated_s": 1001.0, "status": "disabled"}, False),
        ({"updated_s": 1001.0, "forced_down": True}, False),
        ({"updated_s": 1001.0, "reason": "ticket 7"}, False),
        ({"updated_s": 1001.0, "uuid": "other"}, False),
    ],
)
def test_only_a_report_of_its_own_is_a_sign_of_life(
    change: dict[str, Fields], *, stirred: bool
) -> None:
    assert sighting(5, **change).stirred(sighting(0)) is stirred


@pytest.mark.parametrize(
    ("marking", "flag", "disable"),
    [
        (Marking(), False, False),
        (Marking(before=sighting(0)), False, False),
        (Marking(before=sighting(0, forced_down=True)), True, False),
        (Marking(disable=False), False, True),
    ],
)
def test_i18_what_somebody_else_had_set_is_known_as_theirs(
    marking: Marking, *, flag: bool, disable: bool
) -> None:
    assert marking.foreign_flag is flag
    assert marking.foreign_disable is disable


# what is to be saved


def tried(device: DeviceTry | None = None) -> Try:
    """Make a try that is being prepared, and what its device has answered."""
    return Try(1, 1, 1, "digest-1", at(0), devices={"bmc": device} if device else {})


@pytest.mark.parametrize(
    "answers",
    [
        {"service": "s-1"},
        {"first": sighting(1)},
        {"sighting": sighting(1), "looks": 1},
        {"look_failures": 1, "look_at": at(2)},
        {"fencing": tried(DeviceTry(identity=identity()))},
        {"fencing": tried(DeviceTry(failure="401"))},
        {"fencing": tried(DeviceTry().read(reading(Power.OFF, 1)))},
    ],
    ids=str,
)
def test_answers_to_questions_alone_need_not_be_saved(answers: Fields) -> None:
    saved = incident(version=3, fencing=tried())
    assert not replace(saved, version=4, **answers).owes(saved)


@pytest.mark.parametrize(
    "more",
    [
        {"words": {}},
        {"proof": power_proof()},
        {"life_at": at(1)},
        {"retry_at": at(1)},
        {"marking": Marking(number=1)},
        {"charges": (at(1),)},
        {"servers": {}},
        {"timeline": ()},
        {"fencing": replace(tried(), go_at=at(1))},
        {"fencing": replace(tried(), number=2)},
        {"fencing": tried(DeviceTry(cut=Outcome.ACCEPTED, cut_at=at(1)))},
        {"fencing": None},
    ],
    ids=str,
)
def test_whatever_else_has_changed_is_to_be_saved(more: Fields) -> None:
    saved = incident(version=3, fencing=tried())
    assert replace(saved, looks=1, sighting=sighting(1), **more).owes(saved)
