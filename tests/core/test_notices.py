"""What consumers are told, and who of them hears what."""

from dataclasses import replace

import pytest

from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import Incident, NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice, notices
from doctor_daemon.core.phases import Phase
from tests.core.make import HOST, at, context, incident, maintenance, plan, server

BLUE, GREEN, ALSO_BLUE = server("a"), server("b", "green"), server("c")
HELD = NoticeKind.HELD


def on(*servers: str) -> Incident:
    """An incident with these servers of three, already known to its consumers."""
    there = {s.id: s for s in (BLUE, GREEN, ALSO_BLUE) if s.name in servers}
    return incident(servers=there)


def test_each_project_hears_of_its_own_servers_and_operators_of_all() -> None:
    made = list(notices(on("a", "b", "c"), 0, context()))
    assert [(n.project, n.servers) for n in made] == [
        (OPERATORS, (BLUE, GREEN, ALSO_BLUE)),
        ("blue", (BLUE, ALSO_BLUE)),
        ("green", (GREEN,)),
    ]


def test_a_host_without_servers_is_told_to_the_operators() -> None:
    assert [notice.project for notice in notices(on(), 0, context())] == [OPERATORS]


def test_a_notice_says_what_was_saved() -> None:
    told = on().note(at(5), "it happened", HELD)
    (notice,) = notices(told, 1, context())
    assert notice == Notice(
        kind=HELD,
        incident=told.id,
        host=HOST,
        project=OPERATORS,
        servers=(),
        servers_wall_s=told.servers_wall_s,
        fenced="pending",
        text="it happened",
        entry=2,
        wall_s=at(5).wall_s,
        raised_wall_s=told.opened_at.wall_s,
    )


def test_only_lines_after_the_last_one_told_and_only_those_that_are_for_consumers() -> None:
    told = on().note(at(1), "aside").note(at(2), "one", HELD).note(at(3), "two", HELD)
    assert [n.text for n in notices(told, 1, context())] == ["one", "two"]
    assert [n.text for n in notices(told, 3, context())] == ["two"]
    assert list(notices(told, 4, context())) == []


def test_a_line_about_some_servers_is_told_to_their_projects() -> None:
    told = on("a").tell(at(1), "wrong", NoticeKind.WITHDRAWN, (GREEN,))
    made = [(n.project, n.servers) for n in notices(told, 1, context())]
    assert made == [(OPERATORS, (GREEN,)), ("green", (GREEN,))]


@pytest.mark.parametrize("daemon", Mode)
@pytest.mark.parametrize("host", Mode)
def test_d5_nobody_hears_of_a_dry_run(daemon: Mode, host: Mode) -> None:
    world = context(mode=daemon, plan=plan(mode=host))
    heard = bool(list(notices(on(), 0, world)))
    assert heard is (min(daemon, host) > Mode.OBSERVE)


@pytest.mark.parametrize(
    ("kind", "until_s", "heard"),
    [
        (NoticeKind.SUSPECTED, 10, False),
        (NoticeKind.SUSPECTED, 5, True),  # the maintenance is over
        (HELD, 10, True),
        (NoticeKind.CONFIRMED, 10, True),
    ],
)
def test_d1_a_suspicion_of_a_host_in_maintenance_is_not_told(
    kind: NoticeKind, until_s: float, *, heard: bool
) -> None:
    told = on().note(at(4), "again", kind)
    world = context(5, maintenance=maintenance(until_s))
    assert bool(list(notices(told, 1, world))) is heard


@pytest.mark.parametrize(
    ("phase", "mode", "fenced"),
    [
        (Phase.SUSPECTED, Mode.FENCE, "pending"),
        (Phase.FENCING, Mode.FENCE, "pending"),
        (Phase.FORCING_DOWN, Mode.EVACUATE, "pending"),
        (Phase.EVACUATING, Mode.EVACUATE, "confirmed"),
        (Phase.EVACUATING, Mode.FENCE, "confirmed"),  # the mode was lowered since
        (Phase.DOWN, Mode.FENCE, "confirmed"),
        (Phase.DOWN, Mode.NOTIFY, "confirmed"),
        (Phase.HELD, Mode.FENCE, "no"),
        (Phase.DISMISSED, Mode.FENCE, "no"),
        (Phase.RESOLVED, Mode.FENCE, "no"),
        (Phase.SUSPECTED, Mode.NOTIFY, "no"),
        (Phase.FENCING, Mode.NOTIFY, "no"),
    ],
)
def test_e8_a_notice_claims_no_more_than_what_was_reached(
    phase: Phase, mode: Mode, fenced: str
) -> None:
    told = replace(on(), phase=phase).note(at(1), "so far", HELD)
    for daemon, host in ((mode, Mode.EVACUATE), (Mode.EVACUATE, mode)):
        (notice,) = notices(told, 1, context(mode=daemon, plan=plan(mode=host)))
        assert notice.fenced == fenced


@pytest.mark.parametrize(
    ("phase", "fenced"),
    [
        (Phase.EVACUATING, "confirmed"),
        (Phase.DOWN, "confirmed"),
        (Phase.FORCING_DOWN, "no"),
        (Phase.FENCING, "no"),
    ],
)
def test_e8_what_is_held_is_fenced_if_it_was_when_it_was_held(phase: Phase, fenced: str) -> None:
    before = replace(on(), phase=phase).note(at(1), "so far")
    held = replace(before, phase=Phase.HELD).note(at(2), "held", HELD)
    (notice,) = notices(held, 1, context())
    assert notice.fenced == fenced


def test_a_first_line_has_none_before_it() -> None:
    held = replace(on(), timeline=(), phase=Phase.HELD).note(at(1), "held", HELD)
    down = replace(held, phase=Phase.DOWN).note(at(2), "down")
    (notice,) = notices(down, 0, context())
    assert notice.fenced == "no"


def test_an_outcome_is_told_to_whom_it_concerns() -> None:
    told = on("a").tell(at(1), "moved", NoticeKind.OUTCOME, (GREEN,), outcome="moved")
    made = [(n.project, n.outcome) for n in notices(told, 1, context())]
    assert made == [(OPERATORS, "moved"), ("green", "moved")]


def test_an_alarm_is_for_operators_alone() -> None:
    told = on("a", "b").note(at(5), "ALARM: it does not stand", NoticeKind.ALARM)
    (notice,) = notices(told, 1, context())
    assert (notice.kind, notice.project) == (NoticeKind.ALARM, OPERATORS)
    assert notice.servers == (BLUE, GREEN)
