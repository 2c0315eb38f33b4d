"""Which servers of a host are asked for, and when: what is chosen, in ranks, as it is saved."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import UNSHOWN, Mode, Scope, Selection, Server
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Evacuate, Failed, Inspect, Inspected
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.selection import unshown
from doctor_daemon.core.tries import Outcome
from tests.core.make import Fields, plan, servers
from tests.core.moving import Moving, guest, many

WAITING, POSTING, CHECKING = Stage.WAITING, Stage.POSTING, Stage.CHECKING
UNDER_WAY, SKIPPED, FAILED = Stage.UNDER_WAY, Stage.SKIPPED, Stage.FAILED
UNTAGGED = "only what is tagged is moved, and no tag of it, its flavor or its host says so"


def host(scope: Scope = Scope.ALL, **changes: Fields) -> dict[str, Fields]:
    """The context of a host of which such servers are wanted moved."""
    selection = replace(Selection(scope, shared_storage=True), **changes)
    return {"plan": plan(mode=Mode.EVACUATE, selection=selection)}


def tagged(name: str, word: str = "True", **changes: Fields) -> Server:
    return guest(name, tags={"server:HA_Enabled": word}, **changes)


def prior(name: str, priority: int) -> Server:
    return guest(name, tags={"server:instanceha:restart_priority": str(priority)})


def texts(walk: Moving, since: int = 0) -> list[str]:
    return [entry.text for entry in walk.incident.timeline[since:]]


# choosing


def test_c13_each_server_that_stays_is_told_with_the_reason() -> None:
    walk = Moving("web", tagged("old", "False"), tagged("db", "False")).to_inspected()
    why = "server HA_Enabled=False has it stay"
    assert walk.posts == [("web", 1)]
    assert walk.outcomes == [("skipped", ["old", "db"])]
    assert f"skipped: old, db: {why}" in texts(walk)
    assert (walk.stage("old"), walk.record("old").why) == (SKIPPED, why)
    assert walk.incident.timeline[-1].tell is NoticeKind.OUTCOME
    walk.accept().turns(1, "done").elapse(2).follow()
    assert (walk.phase, walk.said) == (Phase.DOWN, "3 servers: 1 moved, 2 skipped")


def test_where_nothing_is_to_be_moved_the_host_is_down() -> None:
    walk = Moving("web", tagged("db"), **host(Scope.NONE)).to_inspected()
    assert (walk.phase, walk.said) == (Phase.DOWN, "2 servers: 2 skipped")
    assert walk.outcomes == [("skipped", ["web", "db"])]


def test_the_state_of_a_server_is_told_before_what_is_written_on_it() -> None:
    walk = Moving(tagged("old", "False", vm_state="paused")).to_inspected()
    assert walk.record("old").why == "it is paused; Nova moves active and stopped ones"


def test_one_that_somebody_else_evacuates_is_followed_whatever_is_written() -> None:
    walk = Moving(tagged("web", "False")).begins(3)
    assert walk.to_inspected().stage() is UNDER_WAY


def test_only_what_is_tagged_is_moved_where_the_operator_says_so() -> None:
    walk = Moving("web", tagged("db"), **host(Scope.TAGGED)).to_inspected()
    assert walk.posts == [("db", 1)]
    assert walk.record().why == UNTAGGED
    assert walk.incident.rounds.tagged


def test_an_aggregate_of_the_host_tags_all_its_servers() -> None:
    walk = Moving("web", tagged("db", "False"), **host(Scope.TAGGED)).to_evacuating()
    walk.aggregates = ({"evacuable": "true"},)
    assert walk.inspect().posts == [("web", 1)]
    assert walk.record().server.tags == {"aggregate:evacuable": "True"}


def test_where_everything_is_moved_nobody_asks_for_aggregates() -> None:
    assert not Moving().to_inspected().incident.rounds.tagged


def test_only_tags_that_decide_are_saved_and_the_list_of_servers_has_none() -> None:
    server = guest("web", tags={"server:HA_Enabled": "True", "server:other": "x" * 9999})
    walk = Moving(server).to_inspected()
    assert walk.record().server.tags == {"server:HA_Enabled": "True"}
    assert [one.tags for one in walk.incident.servers.values()] == [{}]


# what cannot be known


def test_tags_that_could_not_be_read_are_neither_everything_nor_nothing() -> None:
    walk = Moving("web", **host(Scope.TAGGED)).to_evacuating()
    number = walk.one(Inspect).number
    for _ in range(19):
        walk.see(Failed(walk.one(Inspect), "GET os-aggregates: Nova answered 503"))
        assert (walk.posts, walk.incident.evacuations) == ([], {})
        while not walk.all(Inspect):
            walk.calm().elapse(1)
    assert walk.one(Inspect).number == number + 19
    walk.see(Failed(walk.one(Inspect), "GET os-aggregates: Nova answered 503"))
    assert (walk.phase, walk.gate) == (Phase.HELD, "nova")
    assert walk.incident.held is not None
    assert walk.incident.held.why == (
        "Nova could not be asked about the evacuations of cmp-1: "
        "GET os-aggregates: Nova answered 503"
    )


@pytest.mark.parametrize(
    ("server", "aggregates"),
    [
        (guest("web"), None),
        (guest("web", unread="Nova does not show its flavor's tags"), ()),
    ],
)
def test_what_nova_did_not_show_is_asked_for_again(
    server: Server, aggregates: tuple[dict[str, str], ...] | None
) -> None:
    walk = Moving(server, **host(Scope.TAGGED)).to_evacuating()
    effect, known = walk.one(Inspect), walk.incident.servers
    walk.see(Inspected(effect.number, walk.now, (), servers(server), aggregates))
    assert (walk.posts, walk.incident.evacuations, walk.incident.servers) == ([], {}, known)
    assert walk.incident.rounds.failures == 1
    walk.elapse(1)
    assert walk.one(Inspect).number == effect.number + 1


def test_unknown_is_never_everything_where_metadata_is_not_shown() -> None:
    """A server of which Nova hides the metadata may be one that its owner wants left."""
    hidden = guest("web", unread="Nova does not show its metadata")
    walk = Moving("db", hidden).to_evacuating().inspect()
    assert (walk.posts, walk.incident.evacuations) == ([], {})
    assert walk.incident.rounds.failures == 1
    walk.there[hidden.id] = tagged("web", "False")
    walk.elapse(1).inspect()
    assert (walk.posts, walk.stage("web")) == ([("db", 1)], SKIPPED)


def test_below_2_47_everything_is_moved_and_that_flavors_say_nothing_is_told_once() -> None:
    walk = Moving(guest("web", unread=UNSHOWN)).to_evacuating().inspect()
    assert (walk.posts, walk.said) == ([("web", 1)], unshown(walk.there.values()))
    late = guest("late", unread=UNSHOWN)
    walk.post(Outcome.REFUSED).there[late.id] = late
    walk.elapse(2).inspect()
    assert [entry.text for entry in walk.incident.timeline].count(unshown([late])) == 1


def test_below_2_47_where_only_the_tagged_are_moved_a_human_is_asked() -> None:
    walk = Moving(guest("web", unread=UNSHOWN), **host(Scope.TAGGED)).to_evacuating()
    while walk.phase is Phase.EVACUATING:
        walk.calm().tell().elapse(2)
    assert walk.incident.held is not None
    assert walk.incident.held.why.endswith(f"of cmp-1: id-web: {UNSHOWN}")


def test_d4_an_operator_who_wants_only_the_tagged_ones_now_has_the_tags_asked_for() -> None:
    walk = Moving("web", "db").to_inspected().post(Outcome.UNSENT)
    walk.given(**host(Scope.TAGGED)).elapse(1)
    assert (walk.posts, walk.incident.rounds.inspected_at) == ([], None)
    walk.aggregates = ({"evacuable": "true"},)
    walk.elapse(1).inspect()
    assert walk.posts == [("db", 2), ("web", 2)]


def test_d4_an_operator_who_wants_nothing_moved_any_more_is_heard_at_the_next_request() -> None:
    walk = Moving(*many(20)).to_inspected()
    walk.accept().given(**host(Scope.NONE)).elapse(0)
    stages = [record.stage for record in walk.incident.evacuations.values()]
    assert stages.count(UNDER_WAY) == 8
    assert stages.count(POSTING) == 8  # decided before the operator's word
    for effect in walk.all(Evacuate):
        walk.answer_post(effect, Outcome.UNSENT)
    walk.elapse(1)
    assert walk.posts == []
    stages = [record.stage for record in walk.incident.evacuations.values()]
    assert (stages.count(UNDER_WAY), stages.count(SKIPPED)) == (8, 12)


def test_what_is_written_meanwhile_counts_from_the_next_inspection() -> None:
    walk = Moving("web", "db").to_inspected()
    for effect in walk.all(Evacuate):
        known = Outcome.UNSENT if effect.server == "id-web" else Outcome.UNKNOWN
        walk.answer_post(effect, known)
    walk.there[guest("web").id] = tagged("web", "False")
    walk.calm().elapse(0.5)
    walk.elapse(0.25).elapse(0.25)
    walk.elapse(1).inspect()
    assert walk.stage("web") in (SKIPPED, POSTING)


# ranks


def test_c8_the_plan_is_saved_with_the_first_requests() -> None:
    walk = Moving(prior("a", 100), prior("b", 900), guest("c"), guest("d", "paused"))
    walk.to_inspected()
    assert "plan: 3 of 4 servers are to be moved, in 3 ranks: 1, 1, 1" in texts(walk)
    assert [walk.record(name).rank for name in "abcd"] == [3, 1, 2, 0]
    assert walk.posts == [("b", 1)]


def test_c8_each_rank_begins_when_the_one_before_was_taken_on() -> None:
    walk = Moving(prior("a", 100), prior("b", 900), prior("c", 900), guest("d")).to_inspected()
    assert walk.posts == [("b", 1), ("c", 1)]
    walk.accept()
    assert walk.posts == [("d", 1)]
    walk.accept()
    assert walk.posts == [("a", 1)]


@pytest.mark.parametrize("outcome", [Outcome.UNSENT, Outcome.UNKNOWN, Outcome.REFUSED])
def test_c8_a_rank_waits_for_whoever_was_not_taken_on(outcome: Outcome) -> None:
    walk = Moving(prior("a", 900), guest("b")).to_inspected()
    walk.post(outcome).calm()
    assert walk.posts == []
    assert walk.stage("b") is WAITING


def test_c8_one_that_has_failed_and_waits_for_its_next_try_holds_nobody_up() -> None:
    walk = Moving(prior("a", 900), guest("b")).to_inspected().post(Outcome.REFUSED, "409: busy")
    walk.elapse(2).inspect()
    assert (walk.stage("a"), walk.posts) == (WAITING, [("b", 1)])
    assert walk.elapse(1).posts == [("a", 2), ("b", 1)]


def test_c12_the_limit_holds_within_a_rank_and_over_ranks() -> None:
    ranked = [prior(name, 900 if number < 10 else 100) for number, name in enumerate(many(14))]
    walk = Moving(*reversed(ranked)).to_inspected()
    assert [name for name, _ in walk.posts] == many(8)
    walk.accept()
    assert [name for name, _ in walk.posts] == many(10)[8:]
    walk.accept()
    assert [name for name, _ in walk.posts] == many(14)[10:]


def test_the_operator_may_have_no_ranks() -> None:
    walk = Moving(prior("a", 100), prior("b", 900), **host(ordered=False)).to_inspected()
    assert walk.posts == [("a", 1), ("b", 1)]
    assert "plan: 2 of 2 servers are to be moved" in texts(walk)


def test_one_that_comes_later_is_given_its_place_among_the_others() -> None:
    walk = Moving(prior("a", 900), prior("b", 100)).to_inspected().post(Outcome.REFUSED, "x")
    late = prior("c", 500)
    walk.there[late.id] = late
    lines = len(walk.incident.timeline)
    walk.elapse(2).inspect()
    assert [walk.record(name).rank for name in "acb"] == [1, 2, 3]
    assert walk.posts == [("c", 1)]
    assert texts(walk, lines) == ["plan: 3 of 3 servers are to be moved, in 3 ranks: 1, 1, 1"]


# attempts


def test_trap_19_what_nova_refuses_for_good_is_not_asked_for_again() -> None:
    walk = Moving("web", "db").to_inspected()
    for effect in walk.all(Evacuate):
        final = effect.server == "id-web"
        outcome = Outcome.FORBIDDEN if final else Outcome.REFUSED
        walk.answer_post(effect, outcome, "Nova answered 400 it has a vTPM")
    assert (walk.record().final, walk.record("db").final) == (True, False)
    walk.elapse(2).inspect()
    assert (walk.stage("web"), walk.stage("db")) == (FAILED, WAITING)
    assert walk.record().why == "Nova answered 400 it has a vTPM"
    assert not walk.record().final


def test_trap_11_a_refusal_for_good_of_a_server_that_has_left_is_none() -> None:
    walk = Moving().to_inspected().post(Outcome.FORBIDDEN, "Nova answered 404 it is gone")
    walk.leaves().elapse(2).inspect()
    assert (walk.phase, walk.stage()) == (Phase.DOWN, SKIPPED)


def test_trap_11_a_refusal_for_good_of_one_that_somebody_else_evacuates_is_forgotten() -> None:
    walk = Moving().to_inspected().post(Outcome.FORBIDDEN, "Nova answered 409 busy").begins(4)
    walk.elapse(2).inspect()
    assert (walk.stage(), walk.record().final) == (UNDER_WAY, False)


def test_trap_15_a_server_for_which_there_is_no_room_waits_for_room() -> None:
    policy = Policy(no_host_tries=2, no_host_wait_s=7.0)
    walk = Moving(policy=policy).to_posted()
    walk.turns(1, "error", vm_state="error", fault="No valid host was found.")
    walk.elapse(2).follow().elapse(2).inspect()
    assert (walk.stage(), walk.record().not_before) == (WAITING, walk.now.plus(7))
    walk.guard(7)
    assert walk.posts == []
    assert walk.again().posts == [("web", 2)]
    walk.accept().turns(2, "error").elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.stage(), walk.phase, walk.gate) == (FAILED, Phase.HELD, "evacuation")
