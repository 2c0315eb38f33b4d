"""Evacuating a host: who is on it, one journalled request a server, and what each has come to."""

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import (
    Evacuate,
    Follow,
    Inspect,
    Inspected,
    ListServers,
    Read,
    Resumed,
    Wait,
)
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.tries import Outcome
from tests.core.make import Fields, maintenance, plan, server, servers
from tests.core.moving import Moving, guest, many

WAITING, POSTING, CHECKING = Stage.WAITING, Stage.POSTING, Stage.CHECKING
UNDER_WAY, MOVED, SKIPPED = Stage.UNDER_WAY, Stage.MOVED, Stage.SKIPPED


# entering


@pytest.mark.parametrize(
    ("daemon", "host", "phase"),
    [
        (Mode.EVACUATE, Mode.EVACUATE, Phase.EVACUATING),
        (Mode.EVACUATE, Mode.FENCE, Phase.DOWN),
        (Mode.FENCE, Mode.EVACUATE, Phase.DOWN),
    ],
)
def test_d5_a_host_is_evacuated_only_where_both_modes_say_so(
    daemon: Mode, host: Mode, phase: Phase
) -> None:
    assert Moving(mode=daemon, plan=plan(mode=host)).to_evacuating().phase is phase


def test_what_is_due_at_first_in_order() -> None:
    walk = Moving().to_evacuating()
    proof = walk.incident.proof
    assert proof is not None
    assert walk.due == (
        Wait(proof.valid_until),
        Wait(walk.attempt.device("bmc").readings[-1].answered_at.plus(1)),
        Wait(walk.now.plus(10)),  # the next look
        Inspect(1),
    )
    walk.elapse(1)
    assert walk.all(Read) == [Read(1, 1, "bmc", 3)]


def test_c7_nothing_is_sent_before_nova_has_said_who_is_there() -> None:
    walk = Moving().to_evacuating()
    for _ in range(20):
        assert walk.posts == []
        walk.calm().elapse(0.5)
    assert walk.inspect().posts == [("web", 1)]


def test_the_first_inspection_corrects_what_consumers_were_told() -> None:
    walk = Moving("db").to_inspected()
    told = walk.told
    assert told[1:] == [NoticeKind.CONFIRMED, NoticeKind.CONFIRMED, NoticeKind.WITHDRAWN]
    assert walk.incident.listings == -1
    walk.accept().turns(1, "done").elapse(2).follow()
    assert walk.all(ListServers) == []


def test_the_list_is_corrected_once() -> None:
    walk = Moving().to_posted().turns(1, "pre-migrating")
    late = guest("late")
    walk.there[late.id] = late
    walk.rows.clear()
    told, lines = walk.told, len(walk.incident.timeline)
    walk.see(Resumed()).inspect()
    assert walk.told == told
    assert [entry.text for entry in walk.incident.timeline[lines:]] == [
        "taken up again after a restart",
        "plan: 2 of 2 servers are to be moved",
    ]


def test_a_host_without_servers_is_down() -> None:
    walk = Moving()
    walk.there = {}
    assert walk.to_inspected().phase is Phase.DOWN
    assert walk.said == "no server was on it"


def test_a_whole_evacuation_in_words() -> None:
    walk = Moving("web", "db", guest("old", "paused")).to_posted()
    walk.turns(2, "done").elapse(2).follow()
    walk.turns(1, "completed").elapse(2).follow()
    assert walk.phase is Phase.DOWN
    assert [entry.text for entry in walk.incident.timeline[6:]] == [
        "Nova has it forced down and disabled (read back)",
        "Nova lists 3 servers on the host",
        "2 servers were missing from the map",
        "plan: 2 of 3 servers are to be moved",
        "skipped: old: it is paused; Nova moves active and stopped ones",
        "moved to cmp-9: web",
        "moved to cmp-9: db",
        "3 servers: 2 moved, 1 skipped",
    ]
    assert walk.outcomes == [("skipped", ["old"]), ("moved", ["web"]), ("moved", ["db"])]


# posting


def test_i11_a_request_is_due_only_once_it_is_saved_as_being_sent() -> None:
    walk = Moving("web", "db").to_inspected()
    assert walk.posts == [("db", 1), ("web", 1)]
    assert {walk.stage("web"), walk.stage("db")} == {POSTING}
    assert walk.record().since == walk.now
    effect = walk.all(Evacuate)[1]
    walk.answer_post(effect)
    assert walk.posts == [("db", 1)]
    assert walk.stage() is UNDER_WAY


def test_c12_so_many_requests_of_a_host_at_a_time() -> None:
    walk = Moving(*many(11)).to_inspected()
    assert [name for name, _ in walk.posts] == many(8)
    first, second, *_ = walk.all(Evacuate)
    walk.answer_post(first)
    assert [name for name, _ in walk.posts] == many(9)[1:]
    walk.answer_post(second, Outcome.UNSENT)
    assert [name for name, _ in walk.posts] == many(10)[2:]


def test_c12_a_lower_limit_is_kept_by_sending_nothing_more() -> None:
    walk = Moving(*many(4)).to_inspected()
    walk.answer_post(walk.all(Evacuate)[0], Outcome.UNSENT)
    walk.given(policy=Policy(posts_per_host=2)).elapse(1)
    assert len(walk.posts) == 3
    walk.answer_post(walk.all(Evacuate)[0])
    assert len(walk.posts) == 2


def test_c7_the_answer_to_an_earlier_request_means_nothing() -> None:
    walk = Moving().to_inspected()
    first = walk.one(Evacuate)
    walk.post(Outcome.UNSENT)
    before = walk.incident
    assert walk.answer_post(first).incident is before
    walk.elapse(1)
    assert walk.posts == [("web", 2)]
    before = walk.incident
    assert walk.answer_post(first).incident is before
    assert walk.refuse(first, "armed").incident is before
    other = Evacuate(server("other").id, 1)
    assert walk.answer_post(other).refuse(other, "armed").incident is before


def test_c7_a_lost_answer_is_looked_for_and_never_sent_again() -> None:
    walk = Moving().to_inspected().begins(7).post(Outcome.UNKNOWN)
    assert (walk.stage(), walk.posts) == (CHECKING, [])
    assert walk.all(Inspect) == []  # Nova is asked at its pace
    walk.elapse(2).inspect()
    assert walk.stage() is UNDER_WAY
    assert walk.turns(7, "done").elapse(2).follow().phase is Phase.DOWN


def test_c7_a_lost_request_is_sent_again_when_it_certainly_left_no_trace() -> None:
    walk = Moving().to_inspected().post(Outcome.UNKNOWN)
    until = walk.now.plus(60)
    while not walk.now.reached(until):
        assert walk.posts == []
        walk.calm()
        if walk.all(Inspect):
            walk.inspect()
        walk.elapse(1)
    walk.calm().inspect()
    assert (walk.stage(), walk.record().failures) == (WAITING, 1)
    assert walk.elapse(1).posts == [("web", 2)]


def test_c7_a_refused_request_is_looked_for_too() -> None:
    walk = Moving().to_inspected().post(Outcome.REFUSED, "404: it is gone")
    assert walk.stage() is CHECKING
    walk.leaves().elapse(2).inspect()
    assert walk.phase is Phase.DOWN
    assert walk.outcomes == [("skipped", ["web"])]


def test_c7_what_failed_beside_ours_is_not_taken_for_ours() -> None:
    """Somebody else's failed just before our request, and ours no scheduler has touched yet."""
    walk = Moving().to_inspected().begins(5).turns(5, "error")
    walk.begins(6).post().elapse(2).follow(untouched=(6,))
    assert (walk.stage(), walk.posts, walk.all(Follow)) == (CHECKING, [], [])
    walk.elapse(2).inspect()
    assert (walk.stage(), walk.record().migration, walk.record().known) == (UNDER_WAY, 6, (5,))
    walk.elapse(2).follow(untouched=(6,))
    assert walk.stage() is UNDER_WAY


def test_c7_an_inspection_from_before_the_request_says_nothing_of_it() -> None:
    walk = Moving("web", "db").to_inspected()
    db, web = walk.all(Evacuate)
    walk.answer_post(db, Outcome.UNKNOWN).begins(5).turns(5, "error").elapse(2)
    asked, rows, number = walk.now, tuple(walk.rows.values()), walk.one(Inspect).number
    walk.begins(6).elapse(1).answer_post(web)
    walk.see(Inspected(number, asked, rows, servers(*walk.there.values())))
    assert walk.stage() is CHECKING
    walk.elapse(2).inspect()
    assert (walk.stage(), walk.record().migration) == (UNDER_WAY, 6)


# the gates, just before


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"armed": Armed()}, "armed"),
        ({"mode": Mode.FENCE}, "evacuate"),
        ({"mode": Mode.NOTIFY}, "mode"),
        ({"plan": plan(mode=Mode.EVACUATE, protected="it")}, "protected"),
        ({"maintenance": maintenance(9999)}, "maintenance"),
    ],
)
def test_d2_a_switch_stops_what_has_not_been_sent_and_what_is_under_way_is_followed(
    changes: dict[str, Fields], gate: str
) -> None:
    walk = Moving(*many(9)).to_inspected()
    walk.accept()
    assert walk.posts == [("vm-08", 1)]
    walk.given(**changes).refuse(walk.one(Evacuate), gate, "it is shut")
    assert (walk.stage("vm-08"), walk.record("vm-08").why) == (WAITING, "it is shut")
    walk.guard(1)
    assert (walk.phase, walk.posts) == (Phase.EVACUATING, [])
    assert walk.incident.rounds.barred is not None
    assert any(e.text.startswith("nothing more is evacuated: ") for e in walk.incident.timeline)
    for id_ in range(1, 9):
        walk.turns(id_, "done")
    while walk.phase is Phase.EVACUATING:
        walk.calm()
        if walk.all(Follow):
            walk.follow()
        walk.elapse(0.25)
    assert (walk.phase, walk.gate) == (Phase.HELD, gate)
    assert walk.outcomes == [("moved", many(8))]
    assert walk.stage("vm-08") is WAITING


def test_d2_what_was_stopped_stays_stopped_until_a_human_says_so() -> None:
    walk = Moving(*many(9)).to_inspected()
    walk.accept().answer_post(walk.one(Evacuate), Outcome.UNSENT)
    walk.given(armed=Armed()).guard(1)
    assert walk.incident.rounds.barred is not None
    lines = len(walk.incident.timeline)
    walk.given(armed=Armed(on=True)).guard(4)
    assert walk.posts == []
    assert len(walk.incident.timeline) == lines


def test_a_shut_gate_that_opens_by_itself_is_asked_again() -> None:
    walk = Moving().to_inspected()
    walk.refuse(walk.one(Evacuate), "readback", "not read back")
    assert (walk.stage(), walk.record().not_before) == (WAITING, walk.now.plus(1))
    assert walk.posts == []
    assert walk.elapse(1).posts == [("web", 2)]


def test_c9_nothing_is_sent_while_the_flag_was_not_read_back() -> None:
    walk = Moving().to_inspected().post(Outcome.UNSENT)
    for _ in range(40):
        walk.identify().read().tell().elapse(1)
        if walk.all(Evacuate):
            walk.post(Outcome.UNSENT)
    assert walk.incident.sighting is not None
    assert walk.now.since(walk.incident.sighting.asked_at) > 30
    assert (walk.posts, walk.incident.rounds.barred) == ([], None)
    assert walk.flag().again().posts != []


@pytest.mark.parametrize("changes", [{"forced_down": False}, {"state": "up"}])
def test_c4_a_flag_that_somebody_clears_stops_it(changes: dict[str, Fields]) -> None:
    walk = Moving(*many(9)).to_posted().elapse(10)
    last = walk.one(Evacuate)
    walk.flag(**changes).refuse(last, "flag").elapse(1)
    assert walk.incident.rounds.barred is not None
    assert walk.incident.rounds.barred.gate == "flag"


# following
