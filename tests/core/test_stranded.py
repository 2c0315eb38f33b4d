"""An evacuation whose destination dies in the midst of it, and one that nobody goes on with."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.messages import Evacuate, Followed, Inspect, Refused, Resumed
from doctor_daemon.core.moves import GONE
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.posting import overtaken
from doctor_daemon.core.tries import Outcome
from tests.core import make
from tests.core.make import OTHER_BOOT
from tests.core.moving import ELSEWHERE, Moving

WAITING, CHECKING, UNDER_WAY = Stage.WAITING, Stage.CHECKING, Stage.UNDER_WAY
DIED = "cmp-9, to which it was going, has died"


class Stranded(Moving):
    """A walk in which other hosts die."""

    def dies(self, name: str = ELSEWHERE, after_s: float = 0.0) -> Self:
        """Let another host be proven off, so many seconds from now."""
        return self.given(off={name: self.now.plus(after_s)})


def begun() -> Stranded:
    """Let an evacuation begin at a host, and this host be proven off."""
    walk = Stranded().to_posted().turns(1, "pre-migrating").elapse(2).calm().follow()
    assert (walk.stage(), walk.record().to, walk.record().to_at) == (UNDER_WAY, ELSEWHERE, walk.now)
    return walk.elapse(1)


def test_trap_14_one_whose_destination_has_died_is_asked_for_once_more() -> None:
    walk = begun().dies().elapse(2).calm().follow()
    assert (walk.stage(), walk.record().why) == (CHECKING, f"{DIED}: Nova is asked")
    assert walk.posts == []
    walk.elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().why, walk.record().known) == (WAITING, DIED, (1,))
    walk.elapse(1).calm()
    assert walk.posts == [("web", 2)]
    walk.accept().turns(2, "done").elapse(2).calm().follow()
    assert (walk.phase, walk.stage(), walk.record().migration) == (Phase.DOWN, Stage.MOVED, 2)


def test_trap_14_while_its_destination_lives_it_is_waited_for() -> None:
    walk = begun().dies("cmp-8").elapse(2).calm().follow()
    assert (walk.stage(), walk.posts, walk.all(Inspect)) == (UNDER_WAY, [], [])


def test_trap_14_one_that_ended_just_before_its_destination_died_has_moved() -> None:
    walk = begun().turns(1, "done").dies().elapse(2).calm().follow()
    assert (walk.phase, walk.stage(), walk.record().to) == (Phase.DOWN, Stage.MOVED, ELSEWHERE)


def test_trap_14_one_that_is_not_on_the_host_any_more_is_the_dead_destinations() -> None:
    walk = begun().dies().leaves().elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.phase, walk.stage(), walk.record().why) == (Phase.DOWN, Stage.SKIPPED, GONE)


def test_trap_14_what_changed_alone_does_not_say_that_it_is_there_still() -> None:
    walk = begun().dies().elapse(2).calm().follow()
    before, rows = walk.record(), tuple(walk.rows.values())
    walk.see(Followed(walk.incident.rounds.follows, rows, make.servers()))
    assert walk.record() == before


def test_trap_14_there_is_an_end_to_destinations_that_die() -> None:
    walk = Stranded(policy=Policy(evacuation_tries=1)).to_posted().turns(1, "pre-migrating")
    walk.elapse(2).calm().follow().elapse(1).dies()
    walk.elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.phase, walk.gate, walk.stage()) == (Phase.HELD, "evacuation", Stage.FAILED)


def test_trap_14_after_a_lost_answer_it_is_not_asked_for_before_that_one_cannot_come() -> None:
    """The row may be somebody else's, and ours still be on its way."""
    walk = Stranded().to_inspected().post(Outcome.UNKNOWN, "lost")
    sent = walk.now
    walk.begins(7).turns(7, "pre-migrating").elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().to) == (UNDER_WAY, ELSEWHERE)
    walk.elapse(1).dies().elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().why) == (CHECKING, f"{DIED}: Nova is asked")
    walk.begins(8)  # ours, as it is accepted: only the list of all shows it
    while walk.now.since(sent) < 70:
        assert walk.posts == []
        walk.calm().tell().elapse(2)
    assert (walk.stage(), walk.record().migration) == (UNDER_WAY, 8)


def test_trap_14_of_two_that_are_under_way_one_may_go_on() -> None:
    walk = begun().begins(2).elapse(1).dies().elapse(1).calm().follow()
    assert (walk.stage(), walk.record().migration) == (UNDER_WAY, 2)


def test_trap_14_a_refusal_for_good_was_not_of_the_one_that_its_destination_took_along() -> None:
    walk = begun().dies().elapse(2).calm().follow()
    record = replace(walk.record(), final=True)
    walk.incident = replace(walk.incident, evacuations={record.server.id: record})
    walk.elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().final) == (WAITING, False)


def test_trap_14_before_it_was_given_to_the_dead_one_somebody_had_put_that_back() -> None:
    """The destination was off when nothing was going there yet: now it is in use again."""
    walk = Stranded().to_posted().elapse(2).calm().follow().dies()
    walk.elapse(1).turns(1, "pre-migrating").elapse(2).calm().follow()
    for _ in range(5):
        walk.elapse(2).calm().tell()
    assert (walk.stage(), walk.posts, walk.record().migration) == (UNDER_WAY, [], 1)


def test_trap_14_one_that_is_not_proven_off_any_more_may_go_on_with_it() -> None:
    walk = begun().dies().elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().left) == (WAITING, (ELSEWHERE,))
    walk.elapse(1)
    (effect,) = walk.all(Evacuate)
    assert overtaken(walk.incident, effect, walk.context) == ""
    walk.given(off={})
    why = "cmp-9, to which it was going, is not proven off any more"
    assert overtaken(walk.incident, effect, walk.context) == why
    walk.see(Refused(effect, "overtaken", why))
    walk.elapse(5).calm().again()
    assert (walk.stage(), walk.record().migration, walk.posts) == (UNDER_WAY, 1, [])
    walk.dies().elapse(2).calm().follow()
    assert walk.stage() is UNDER_WAY


def test_trap_14_one_that_was_given_up_and_has_failed_since_keeps_the_server_from_nothing() -> None:
    """Its destination is back in service: nobody goes on with what has ended there."""
    walk = begun().dies().elapse(2).calm().follow().elapse(2).calm().inspect()
    (effect,) = walk.elapse(1).all(Evacuate)
    walk.given(off={})
    why = overtaken(walk.incident, effect, walk.context)
    walk.see(Refused(effect, "overtaken", why)).turns(1, "failed").elapse(5)
    walk.calm().tell()
    if not walk.posts:  # what changed alone does not tell that nothing else goes there
        walk.incident = replace(
            walk.incident, rounds=replace(walk.incident.rounds, inspected_at=None)
        )
        walk.elapse(5).calm().inspect().elapse(1).calm()
    assert walk.record().left == ()
    (again,) = walk.all(Evacuate)
    assert overtaken(walk.incident, again, walk.context) == ""


def test_trap_14_after_a_restart_a_row_that_stands_still_is_not_told_again() -> None:
    walk = begun().see(Resumed()).calm().inspect()
    walk.elapse(1).dies().elapse(2).calm().follow(untouched=(1,))
    assert (walk.stage(), walk.record().why) == (CHECKING, f"{DIED}: Nova is asked")
    walk.elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().why) == (WAITING, DIED)


def test_trap_14_after_a_reboot_it_is_going_there_since_then() -> None:
    walk = begun().reboot()
    assert walk.record().to_at == walk.now
    assert Stranded().to_posted().reboot().record().to_at is None


def test_a_destination_that_was_off_before_is_in_use_again_whatever_its_incident_says() -> None:
    """Somebody has put it back by hand: there the evacuation is under way, and is waited for."""
    walk = begun().dies(after_s=-60.0).elapse(2).calm().follow()
    assert (walk.stage(), walk.posts) == (UNDER_WAY, [])
    other = {ELSEWHERE: replace(walk.now, boot_id=OTHER_BOOT)}
    walk.given(off=other).elapse(2).calm().follow()
    assert walk.stage() is UNDER_WAY


def test_one_that_somebody_else_began_is_not_given_up() -> None:
    walk = Stranded().begins(1).to_inspected().turns(1, "pre-migrating").dies()
    walk.elapse(2).calm().follow()
    assert (walk.stage(), walk.record().sent_at) == (UNDER_WAY, None)


def test_b2_what_must_be_proven_off_before_a_server_is_asked_for_again_is_said_when_held() -> None:
    walk = begun().dies().elapse(2).calm().follow().elapse(2).calm().inspect()
    assert (walk.stage(), walk.record().left) == (WAITING, (ELSEWHERE,))
    walk.given(off={}).elapse(walk.context.policy.progress_s)
    assert walk.gate == "progress"
    assert walk.said.startswith(
        "held: no progress in 900 s of evacuating: not proven off any more: cmp-9, where servers "
        "were going"
    )
