"""Evacuating once more, after a human has looked at it or the host was fenced again."""

import pytest

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.host import Mode
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.messages import Evacuate, Follow, Inspect
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from tests.core.moving import Moving
from tests.core.test_resumed_moves import failed_once, fenced_again, unsent

WAITING, POSTING, CHECKING = Stage.WAITING, Stage.POSTING, Stage.CHECKING
UNDER_WAY = Stage.UNDER_WAY


def test_c16_what_failed_is_tried_again_when_a_human_says_so() -> None:
    """Also where one try is all there is, and although it is in ERROR: by our own attempt."""
    walk = fenced_again(failed_once())
    assert (walk.stage(), walk.record().failures, walk.record().not_before) == (WAITING, 0, None)
    assert walk.record().why == "its evacuation ended as error: Nova gives no reason"
    assert walk.posts == []
    assert walk.inspect().posts == [("web", 2)]


def test_c7_what_failed_and_somebody_else_has_begun_since_is_followed() -> None:
    walk = fenced_again(failed_once().begins(2)).inspect()
    assert (walk.stage(), walk.posts) == (UNDER_WAY, [])


def unknown() -> Moving:
    walk = Moving().to_posted().turns(1, "pre-migrating").guard(2).follow()
    walk.elapse(600)
    assert (walk.phase, walk.stage()) == (Phase.HELD, Stage.UNKNOWN)
    return walk


def test_l2_what_was_unknown_is_looked_for_again_when_a_human_says_so() -> None:
    walk = fenced_again(unknown())
    assert (walk.stage(), walk.posts, walk.record().failures) == (CHECKING, [], 0)
    walk.turns(1, "done").inspect()
    assert (walk.phase, walk.stage()) == (Phase.DOWN, Stage.MOVED)
    assert walk.outcomes == [("unknown", ["web"]), ("moved", ["web"])]


def test_c7_what_was_unknown_and_is_still_under_way_is_never_sent_again() -> None:
    walk = fenced_again(unknown()).inspect()
    assert (walk.stage(), walk.posts) == (UNDER_WAY, [])


def test_what_has_moved_or_was_skipped_is_not_touched_again() -> None:
    walk = Moving("web", "db", "old", policy=Policy(evacuation_tries=1)).to_inspected()
    walk.accept().leaves("old").turns(1, "error").turns(2, "failed").turns(3, "done")
    walk.elapse(2).follow().elapse(2).inspect()
    assert walk.gate == "evacuation"
    fenced_again(walk)
    assert [walk.stage(name) for name in ("web", "db", "old")] == [
        Stage.MOVED,
        WAITING,
        Stage.SKIPPED,
    ]


@pytest.mark.parametrize(
    ("rows", "phase"),
    [("open", Phase.EVACUATING), ("failed", Phase.DOWN), ("none", Phase.DOWN)],
)
def test_d5_a_mode_that_was_lowered_meanwhile_leaves_no_server_without_an_outcome(
    rows: str, phase: Phase
) -> None:
    """What has been begun is ended; only what had ended already is left."""
    match rows:
        case "open":
            walk = unsent()
        case "failed":
            walk = failed_once()
            fenced_again(walk.given(mode=Mode.FENCE))
            assert (walk.phase, walk.stage()) == (phase, Stage.FAILED)
            return
        case _:
            walk = Moving().to_evacuating()
    walk.elapse(1)
    requests = walk.all(Evacuate)
    walk.read(Power.ON).given(mode=Mode.FENCE)
    for request in requests:
        walk.refuse(request, "overtaken")
    assert walk.fence().phase is phase
    if rows == "open":
        walk.inspect()
        assert (walk.phase, walk.gate, walk.posts) == (Phase.HELD, "evacuate", [])


def test_what_was_not_inspected_yet_begins_like_the_first_time() -> None:
    walk = Moving().to_evacuating().elapse(1).read(Power.ON).fence()
    assert walk.phase is Phase.EVACUATING
    confirmed = NoticeKind.CONFIRMED
    assert walk.told[1:] == [confirmed, NoticeKind.ALARM, confirmed]
    assert walk.inspect().posts == [("web", 1)]


def test_c7_a_failure_beside_a_lost_answer_is_believed_once_ours_would_be_shown() -> None:
    """The one that failed may be somebody else's, and ours one that is still on its way."""
    walk = Moving().to_inspected().post(Outcome.UNKNOWN)
    walk.begins(5).turns(5, "error").elapse(2).inspect()
    assert (walk.stage(), walk.posts) == (CHECKING, [])
    walk.begins(6).guard(60)
    assert (walk.stage(), walk.posts) == (CHECKING, [])
    walk.inspect()
    assert (walk.stage(), walk.record().migration) == (UNDER_WAY, 6)


def test_c12_what_is_in_doubt_is_inspected_soon_then_seldom_and_once_it_is_settled() -> None:
    walk, asked_s = Moving().to_inspected().post(Outcome.UNKNOWN), list[int]()
    for second in range(61):
        walk.calm()
        if walk.all(Inspect):
            asked_s.append(second)
            walk.inspect()
        if walk.all(Follow):
            walk.follow()
        walk.elapse(1)
    assert asked_s == [2, 18, 34, 50, 60]
    assert (walk.stage(), walk.posts) == (POSTING, [("web", 2)])
