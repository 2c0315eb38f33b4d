"""What is told at the bounds: of orders that end, of servers, of whose fault it may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.hands import strayed
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.lone_service import correlated
from doctor_daemon.core.masses import Tally, mass, shown_down
from doctor_daemon.core.notices import notices
from doctor_daemon.core.outcomes import put
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.release import Closing, Release, Step
from doctor_daemon.core.retirement import Course, Retirement
from doctor_daemon.core.sightings import Strayed
from tests.core.make import Fields, at, context, incident, server, sighting
from tests.core.test_lone_service import lone

WEB = server("web")


# orders that end with a phase


def moved(**changes: Fields) -> list[str]:
    """Return what is said as a host that is down comes to be on its way back."""
    made = incident(phase=Phase.DOWN, **changes)
    after = made.move(Phase.RELEASING, at(1), "released")
    return [entry.text for entry in after.timeline[len(made.timeline) :]]


def test_a_wish_to_close_that_is_overtaken_is_told() -> None:
    wish = Closing("ann", "mended", at(0))
    assert moved() == ["released"]
    assert moved(closing=wish) == [
        "released",
        "not ended for ann: it has come to be releasing; order it again",
    ]


@pytest.mark.parametrize("step", list(Course))
def test_so_is_one_to_take_it_out_unless_that_is_over(step: Course) -> None:
    wish = Retirement("ann", "scrapped", at(0), at(0), step=step)
    texts = moved(retirement=wish)
    assert texts[1:] == (
        []
        if step is Course.OVER
        else ["not decommissioned for ann: it has come to be releasing; order it again"]
    )


# how far a notice says that the host is fenced


@pytest.mark.parametrize("kind", [NoticeKind.WITHDRAWN, NoticeKind.SERVICE])
@pytest.mark.parametrize(
    ("phase", "fenced"),
    [
        (Phase.SUSPECTED, "no"),
        (Phase.FENCING, "pending"),
        (Phase.FORCING_DOWN, "pending"),
        (Phase.DOWN, "confirmed"),
    ],
)
def test_only_while_it_is_suspected_a_withdrawal_says_that_nothing_is_cut(
    phase: Phase, fenced: str, kind: NoticeKind
) -> None:
    told = incident(phase=phase).tell(at(1), "wrongly named", kind, (WEB,))
    assert {notice.fenced for notice in notices(told, 1, context())} == {fenced}


@pytest.mark.parametrize("step", list(Step))
def test_on_its_way_back_it_is_fenced_until_its_flag_is_lifted(step: Step) -> None:
    made = incident(phase=Phase.RELEASING, release=Release(step=step))
    told = made.note(at(1), "it is on its way", NoticeKind.RECOVERED)
    lifted = step in {Step.WATCHING, Step.ENABLING}
    fenced = {notice.fenced for notice in notices(told, 1, context())}
    assert fenced == {"no" if lifted else "confirmed"}


# outcomes


def test_an_outcome_is_told_once_however_often_the_records_are_put() -> None:
    ended = Evacuation(WEB, Stage.SKIPPED, at(0), why="it is locked")
    other = Evacuation(server("db"), Stage.WAITING, at(0))
    made = put(incident(), {WEB.id: ended}, context(1))
    assert made.timeline[-1].text == "skipped: web: it is locked"
    assert made.progress_at == at(1)
    again = put(made, {WEB.id: ended, other.server.id: other}, context(2))
    assert again.timeline == made.timeline
    assert again.progress_at == at(1)


# servers that are elsewhere


def straying(attempt: int, to: str = "cmp-7", name: str = "web") -> str:
    """Show a server elsewhere that was asked for so often; return what is said."""
    known = replace(WEB, name=name)
    record = Evacuation(known, Stage.FAILED, at(0), attempt=attempt)
    made = incident(
        phase=Phase.DOWN, listings=-1, servers={known.id: known}, evacuations={known.id: record}
    )
    gone = replace(known, status="DELETED")
    return strayed(made, Strayed(((gone, to),)), context(1)).timeline[-1].text


def test_only_what_was_asked_for_may_be_our_own_doing() -> None:
    late = "web is on cmp-7: by its evacuation, which has ended late, or by others"
    assert straying(0) == "somebody else has moved web to cmp-7"
    assert straying(1) == late
    assert straying(1, to="") == "somebody else has deleted web"


def test_a_server_without_a_name_is_told_by_its_id() -> None:
    assert straying(0, name="") == "somebody else has moved id-web to cmp-7"


def test_once_the_flag_is_lifted_nobody_needs_to_hear_where_they_are() -> None:
    made = incident(phase=Phase.RELEASING, listings=-1, servers={WEB.id: WEB})
    seen = Strayed(((WEB, "cmp-7"),))
    assert strayed(made, seen, context(1)).timeline[-1].text.endswith("moved web to cmp-7")
    lifted = replace(made, release=Release(step=Step.WATCHING))
    assert strayed(lifted, seen, context(1)) is lifted


# who looks dead


def test_the_fleet_and_a_failure_domain_have_shares_of_their_own() -> None:
    shares = Policy(mass_total=100, mass_per_domain=100, mass_ratio=0.5, mass_domain_ratio=0.25)
    assert mass(Tally("fleet", 5, 20), shares) == ""
    assert mass(Tally("fleet", 10, 20), shares) == "10 of 20 hosts of the fleet look dead"
    assert mass(Tally("rack-1", 5, 20), shares) == "5 of 20 hosts of rack-1 look dead"


def test_a_service_that_has_never_reported_in_has_not_stopped_lately() -> None:
    assert not shown_down(sighting(0, updated_s=0.0), 100.0, Policy())
    assert shown_down(sighting(0, updated_s=0.25), 100.0, Policy())


# a service that is down alone


def test_a9_who_calls_the_host_down_beside_its_service_is_named() -> None:
    walk = lone().wait(1).hear("zabbix")
    assert walk.incident.timeline[-2].text == (
        "not nova-compute alone, it seems: nova (nova), zabbix (zabbix-kind) calls it down"
    )


def test_a9_where_nobody_sees_it_alive_any_more_that_is_said() -> None:
    walk = lone()
    walk.elapse(walk.context.policy.life_age_s)
    assert walk.said == "not nova-compute alone, it seems: nobody sees it alive"


def test_a9_after_the_cut_it_is_no_service_that_is_down_alone() -> None:
    walk = lone()
    made = replace(walk.incident, cut_started=at(1), service_since=None)
    assert correlated(made, walk.context) is made
    assert correlated(replace(made, cut_started=None), walk.context) is not made
