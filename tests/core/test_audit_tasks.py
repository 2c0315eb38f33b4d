"""What the audit says of the requests of tasks: an intent before each, and one result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.audit import Part
from doctor_daemon.core.audit_tasks import (
    LOST,
    NOT_SENT,
    End,
    Grounds,
    Name,
    T,
    begun,
    cut_off,
    ended,
    unsaved,
)
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.port_tasks import PortLine, PortTask
from doctor_daemon.core.ports import Said
from doctor_daemon.core.reserves import ReserveLine, ReserveTask
from doctor_daemon.core.volume_tasks import Line, VolumeTask
from tests.core.make import HOST, at

ONE = IncidentId("one")
PORTS = PortTask(HOST, ONE, 2, at(0), story=(PortLine(at(0), "they are marked"),))
RESERVE = ReserveTask(HOST, ONE, "reserved", at(0), story=(ReserveLine(at(0), "it is chosen"),))
STORAGE = VolumeTask(
    7, ONE, 2, HOST, "cmp-1@ceph", "fenced", at(0), story=(Line(at(0), "it is disabled"),)
)
GROUNDS = Grounds(("off limits: open",), "a proof")
FIRST: Name = ("mark down", "port p-1")
SECOND: Name = ("mark down", "port p-2")


@pytest.mark.parametrize(
    ("task", "id_", "cause"),
    [
        (PORTS, "one/ports/2/1", "they are marked"),
        (RESERVE, "one/reserve/1", "it is chosen"),
        (STORAGE, "cinder task 7/1", "it is disabled"),
    ],
    ids=["ports", "reserve", "storage"],
)
def test_i17_an_intent_says_why_and_a_result_how_it_ended(task: T, id_: str, cause: str) -> None:
    open_, (intent,) = begun(task, [FIRST], GROUNDS, at(5), 3)
    assert (intent.id, intent.part, intent.cause) == (id_, Part.INTENT, cause)
    assert (intent.what, intent.target) == FIRST
    assert (intent.host, intent.incident, intent.term) == (str(HOST), "one", 3)
    assert (intent.gates, intent.proof, intent.at) == (GROUNDS.gates, GROUNDS.proof, at(5))
    over, (result,) = ended(open_, [End(FIRST, "accepted", "200")], at(6), 4)
    assert (result.id, result.part, result.at, result.term) == (id_, Part.RESULT, at(6), 4)
    assert (result.outcome, result.text) == ("accepted", "200")
    assert (over.journal.number, over.journal.open) == (1, ())


def test_no_id_is_given_out_twice() -> None:
    task, first = begun(PORTS, [FIRST, SECOND], GROUNDS, at(5), 3)
    task, _ = ended(task, [End(FIRST, "accepted", ""), End(SECOND, "refused", "")], at(6), 3)
    task, again = begun(task, [FIRST], GROUNDS, at(7), 3)
    assert [line.id for line in (*first, *again)] == [f"one/ports/2/{n}" for n in (1, 2, 3)]
    (open_,) = task.journal.open
    assert open_.number == 3


def test_without_a_story_there_is_no_cause() -> None:
    _, (intent,) = begun(replace(PORTS, story=()), [FIRST], Grounds(), at(5), 3)
    assert (intent.cause, intent.gates, intent.proof) == ("", (), "")


def test_an_end_of_what_is_not_open_says_nothing() -> None:
    task, _ = begun(PORTS, [FIRST], GROUNDS, at(5), 3)
    assert ended(task, [End(SECOND, "accepted", "")], at(6), 3) == (task, ())


def test_i17_what_an_earlier_daemon_has_begun_is_not_known() -> None:
    task, _ = begun(PORTS, [FIRST, SECOND], GROUNDS, at(5), 3)
    over, lines = cut_off(task, at(6), 4)
    assert [(one.target, one.outcome, one.text) for one in lines] == [
        ("port p-1", "unknown", LOST),
        ("port p-2", "unknown", LOST),
    ]
    assert not over.journal.open
    assert cut_off(over, at(7), 4) == (over, ())


def test_i17_what_was_never_known_to_be_saved_was_not_sent() -> None:
    task, first = begun(PORTS, [FIRST], GROUNDS, at(5), 3)
    task, second = begun(task, [SECOND], GROUNDS, at(5), 3)
    ended_, results = ended(task, [End(FIRST, "accepted", "")], at(6), 3)
    kept, lines = unsaved(ended_, (*second, *results), at(7), 3)
    assert [(one.id, one.outcome, one.text) for one in lines] == [
        (second[0].id, "unsent", NOT_SENT)
    ]
    assert (kept.journal.number, kept.journal.open) == (2, ())
    assert [line.id for line in (*first, *second)] == ["one/ports/2/1", "one/ports/2/2"]


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (Said.SET, "accepted"),
        (Said.GONE, "refused"),
        (Said.REFUSED, "refused"),
        (Said.UNKNOWN, "unknown"),
    ],
)
def test_what_neutron_has_said_is_told_as_any_outcome(said: Said, outcome: str) -> None:
    assert said.outcome.value == outcome
