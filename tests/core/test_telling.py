"""Whether a report of nova-compute's is a sign of life, and when a suspicion is weighed next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evidence import Trust, Verdict
from doctor_daemon.core.incident import Incident, Marking
from doctor_daemon.core.messages import Heard
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.release import Release
from doctor_daemon.core.suspicion import alive, decides_at, heard, telling
from doctor_daemon.core.tries import DeviceTry, Outcome, Try
from tests.core.make import (
    BMC,
    PDU,
    SECOND_BMC,
    Fields,
    at,
    context,
    evidence,
    human_proof,
    incident,
    level,
    plan,
    power_proof,
    sighting,
)

ILO = replace(SECOND_BMC, name="ilo", tells_host=True)
CUT, UNCUT = DeviceTry(cut=Outcome.ACCEPTED, cut_at=at(10)), DeviceTry(reads=3)
LATELY, LONG_AGO = at(-5), at(-999)
WEAK = evidence(trust=Trust.SECOND)


def attempt(**devices: DeviceTry) -> Try:
    return Try(1, 1, 1, "digest-1", at(0), at(9), devices)


def touched(**changes: Fields) -> Incident:
    """Make an incident whose first cut was decided."""
    return incident(**{"phase": Phase.FENCING, "cut_started": LATELY, **changes})


def marked(**marking: Fields) -> Incident:
    """Make an incident of a host that was proven off, and of which Nova was told."""
    begun = Marking(number=1, disable=True, **marking)
    return touched(phase=Phase.DOWN, proof=power_proof(), marking=begun)


def tells(made: Incident, asked_s: float = 10, **changes: Fields) -> bool:
    """Tell whether a report since a look that was asked for then would be a sign of life."""
    return telling(made, sighting(asked_s), context(20, **changes))


def test_before_the_cut_any_report_is_a_sign_of_life() -> None:
    assert tells(incident())
    assert tells(incident(phase=Phase.FENCING))
    assert not tells(touched())


def test_before_a_cut_that_is_inherited_any_report_is_one_too() -> None:
    assert tells(touched(cut_started=LONG_AGO))


def test_nobody_is_surprised_that_a_host_lives_whom_a_human_alone_wants_fenced() -> None:
    assert not tells(incident(evidence(source="operator:ann", kind="operator")))


@pytest.mark.parametrize(("asked_s", "told"), [(9.75, False), (10, True)])
def test_after_the_cuts_only_a_report_since_the_last_of_them_had_ended_is_one(
    asked_s: float, *, told: bool
) -> None:
    early = replace(CUT, cut_at=at(5))
    assert tells(touched(fencing=attempt(bmc=CUT)), asked_s) is told
    assert tells(touched(fencing=attempt(bmc=early, pdu=CUT)), asked_s) is told
    assert not tells(touched(fencing=attempt(bmc=CUT, pdu=UNCUT)), asked_s)


def test_a_try_that_has_cut_nothing_says_nothing_of_who_reports() -> None:
    assert not tells(touched(fencing=attempt()))
    assert not tells(touched(fencing=attempt(bmc=UNCUT)))


def test_a_witness_is_not_cut_and_not_waited_for() -> None:
    beside = plan(level(BMC), level(ILO))
    made = touched(fencing=attempt(bmc=CUT, ilo=UNCUT))
    assert tells(made, plan=beside)
    assert not tells(made, plan=plan(level(BMC), level(PDU)))


def test_of_a_host_that_was_proven_off_or_vouched_for_a_report_is_one() -> None:
    assert tells(touched(phase=Phase.FORCING_DOWN, proof=human_proof()))
    assert tells(touched(phase=Phase.FORCING_DOWN, proof=power_proof(), fencing=attempt()))


@pytest.mark.parametrize("put", [Outcome.ACCEPTED, Outcome.UNKNOWN])
def test_what_our_put_may_have_written_is_no_report(put: Outcome) -> None:
    assert not tells(marked(put=put, put_at=at(10)), 9.75)
    assert tells(marked(put=put, put_at=at(10)), 10)


def test_a_put_that_was_refused_has_written_nothing() -> None:
    assert tells(marked(put=Outcome.REFUSED, put_at=at(10)), 9.75)


@pytest.mark.parametrize(("asked_s", "told"), [(9.75, False), (10, True)])
def test_of_a_host_in_use_only_a_report_since_it_was_called_down_is_one(
    asked_s: float, *, told: bool
) -> None:
    again = Release(again=True, accused_at=at(10))
    put = Marking(number=1, put=Outcome.ACCEPTED, put_at=at(15))
    assert tells(touched(release=again), asked_s) is told
    assert tells(touched(release=again, marking=put), asked_s) is told


# life


def test_life_of_a_host_that_is_down_is_dated_by_when_it_was_heard() -> None:
    down = incident(phase=Phase.DOWN)
    assert alive(down, "seen", at(9), at(5)).life_at == at(5)
    assert alive(down, "seen", at(9)).life_at == at(9)


def test_past_the_cut_life_is_dated_by_when_it_is_folded_in() -> None:
    """What is decided meanwhile has not known of it."""
    assert alive(touched(), "seen", at(9), at(5)).life_at == at(9)


def test_a_word_that_says_down_changes_nothing_but_what_stands() -> None:
    for made in (incident(phase=Phase.FENCING), touched(release=Release(again=True))):
        said = evidence(3, source="zabbix")
        after = heard(made, Heard(said), context(3))
        assert after == replace(made, words=after.words)
        assert len(after.words) == 2


def test_who_takes_back_what_nobody_else_says_ends_it() -> None:
    taken_back = Heard(evidence(3, Verdict.WITHDRAWN))
    assert heard(incident(), taken_back, context(3)).phase is Phase.DISMISSED
    assert heard(touched(), taken_back, context(3)).phase is Phase.FENCING


# when it is weighed


@pytest.mark.parametrize(
    ("seconds", "repeated_s", "next_s"),
    [
        (0, None, 10),
        (9.75, None, 10),
        (10, None, 130),
        (129.75, None, 130),
        (130, None, 130),
        (0, 500, 10),
        (10, 500, 130),
        (129.75, 500, 130),
        (130, 500, 500),
    ],
)
def test_a_suspicion_is_weighed_at_the_ends_of_its_times_and_when_all_is_said_again(
    seconds: float, repeated_s: float | None, next_s: float
) -> None:
    by = None if repeated_s is None else at(repeated_s)
    assert decides_at(incident(WEAK), context(seconds, repeated_at=by)) == at(next_s)


def test_a_host_that_writes_its_dump_is_weighed_when_that_is_over() -> None:
    dump = incident(evidence(kind="kdump", trust=Trust.SECOND))
    assert decides_at(dump, context(9.75)) == at(10)
    assert decides_at(dump, context(10)) == at(35)
