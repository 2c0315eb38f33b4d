"""Orders about Cinder's services, judged by what is read back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.tries import Outcome
from doctor_daemon.core.volumes import (
    NO_REASON,
    End,
    Target,
    VolumeAct,
    VolumeService,
    Wish,
    already,
    holds,
    judged,
    refusal,
    settled,
    undone,
)

HOST = "control@alpha"
ROW = VolumeService("cinder-volume", HOST, "enabled", "up", replication="enabled")
OFF = replace(ROW, status="disabled", reason="rack move")
MARKED = replace(OFF, reason="doctor-daemon:one: the host failed and its power is proven off")
FROZEN = replace(ROW, status="disabled", reason="frozen", frozen=True)
OVER = replace(ROW, status="disabled", reason="failed-over", replication="failed-over")
SPARE = replace(OVER, backend="spare")
DONE = (Outcome.ACCEPTED, "Cinder answered 200")
LOST = (Outcome.UNKNOWN, "no answer within 100 s")
NO = (Outcome.REFUSED, "Cinder answered 400 no")
UNSENT = (Outcome.UNSENT, "nothing was sent")
ALPHA, GAMMA = Target(HOST), Target(cluster="gamma")
ACTS = [act for act in VolumeAct if act is not VolumeAct.FAILOVER]


def wish(act: VolumeAct, to: str = "", *, enable: bool = False) -> Wish:
    return Wish(act, ALPHA, to=to, enable=enable)


OVER_TO_SPARE, BACK = wish(VolumeAct.FAILOVER, "spare"), wish(VolumeAct.FAILOVER, "default")


def test_a_target_is_a_service_by_its_exact_name_or_a_whole_cluster() -> None:
    pool = replace(ROW, host=f"{HOST}#pool")
    scheduler = replace(ROW, binary="cinder-scheduler")
    assert ALPHA.of([ROW, pool, scheduler]) == (ROW,)
    assert Target("control").of([ROW, pool, scheduler]) == ()
    one, two = (replace(ROW, host=f"h{n}@gamma", cluster="gamma") for n in (1, 2))
    assert GAMMA.of([one, ROW, two, replace(one, binary="cinder-backup")]) == (one, two)
    assert [str(target) for target in (ALPHA, GAMMA)] == [
        "cinder-volume of control@alpha",
        "cluster gamma",
    ]


@pytest.mark.parametrize(
    ("asked", "yes", "no"),
    [
        (wish(VolumeAct.DISABLE), [OFF, FROZEN], [ROW, MARKED]),
        (Wish(VolumeAct.DISABLE, ALPHA, reason=MARKED.reason), [OFF, FROZEN, MARKED], [ROW]),
        (wish(VolumeAct.ENABLE), [ROW], [OFF, FROZEN]),
        (wish(VolumeAct.FREEZE), [FROZEN], [ROW, OFF]),
        (wish(VolumeAct.THAW), [ROW, OFF], [FROZEN]),
        (OVER_TO_SPARE, [SPARE], [ROW, OVER, replace(SPARE, replication="enabled")]),
        (
            BACK,
            [ROW, replace(ROW, backend="default")],
            [SPARE, OVER, replace(ROW, backend="spare")],
        ),
    ],
)
def test_what_a_wish_is_that_holds(
    asked: Wish, yes: list[VolumeService], no: list[VolumeService]
) -> None:
    assert not holds(asked, [])
    for row in yes:
        assert holds(asked, [row])
        assert not holds(asked, [row, no[0]])
    assert not any(holds(asked, [row]) for row in no)


def test_what_holds_already_is_not_asked_for() -> None:
    found = already(wish(VolumeAct.DISABLE), [OFF])
    assert found is not None
    assert (found.end, found.text) == (
        End.ACHIEVED,
        "cinder-volume of control@alpha is disabled already: rack move; nothing was sent",
    )
    bare = already(wish(VolumeAct.DISABLE), [replace(OFF, reason="")])
    assert bare is not None
    assert bare.text.endswith("is disabled already; nothing was sent")
    frozen = already(wish(VolumeAct.FREEZE), [FROZEN])
    assert frozen is not None
    assert frozen.text.endswith("is frozen already; nothing was sent")
    assert already(wish(VolumeAct.ENABLE), [OFF]) is None


@pytest.mark.parametrize("act", VolumeAct)
def test_a_service_that_is_not_listed_is_refused(act: VolumeAct) -> None:
    assert refusal(wish(act), []) == (
        "Cinder lists no cinder-volume of control@alpha, by exactly this name"
    )


@pytest.mark.parametrize("act", ACTS)
def test_what_else_may_be_asked_for(act: VolumeAct) -> None:
    assert refusal(wish(act), [OFF]) == refusal(wish(act), [replace(ROW, state="down")]) == ""
    assert bool(refusal(wish(act), [FROZEN])) is (act is VolumeAct.ENABLE)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (ROW, ""),
        (SPARE, ""),
        (replace(ROW, state="down"), "is down, and it is cinder-volume that fails over"),
        (replace(ROW, replication="disabled"), "is disabled: it cannot be failed over"),
        (replace(ROW, replication=""), "is none: it cannot be failed over"),
        (replace(ROW, replication="failover-error"), "is failover-error: it cannot"),
        (replace(ROW, replication="failing-over"), "a failover of cinder-volume of control@alpha"),
    ],
)
def test_trap_24_what_cannot_be_failed_over_is_known_beforehand(
    row: VolumeService, why: str
) -> None:
    assert why in refusal(OVER_TO_SPARE, [row])
    assert bool(why) is bool(refusal(OVER_TO_SPARE, [row]))


@pytest.mark.parametrize("act", VolumeAct)
def test_what_cinder_does_to_a_whole_cluster_wants_the_cluster_named(act: VolumeAct) -> None:
    row = replace(OFF, cluster="gamma")
    whole = act in (VolumeAct.FREEZE, VolumeAct.THAW, VolumeAct.FAILOVER)
    told = "is of cluster gamma, all of which Cinder would"
    assert (told in refusal(wish(act, "spare"), [row])) is whole
    assert refusal(Wish(act, GAMMA, to="spare"), [row]) == ""


def test_of_a_cluster_one_service_that_is_up_is_enough_to_fail_over() -> None:
    up, down = (replace(ROW, cluster="gamma", state=state) for state in ("up", "down"))
    over = Wish(VolumeAct.FAILOVER, GAMMA, to="spare")
    assert refusal(over, [down, up]) == ""
    mixed = refusal(over, [up, replace(up, replication="disabled")])
    assert mixed == "replication of cluster gamma is disabled, enabled: it cannot be failed over"


@pytest.mark.parametrize("answer", [DONE, LOST, NO])
def test_an_order_is_achieved_by_what_is_read_and_not_by_the_answer(
    answer: tuple[Outcome, str],
) -> None:
    found = judged(wish(VolumeAct.FREEZE), answer, [FROZEN])
    link = "; " if answer is DONE else ", although "
    assert (found.end, found.text, found.advice) == (
        End.ACHIEVED,
        f"cinder-volume of control@alpha is frozen{link}{answer[1]}",
        "",
    )


@pytest.mark.parametrize(
    ("asked", "row", "text", "advice"),
    [
        (wish(VolumeAct.DISABLE), ROW, "is enabled, although", "leave --without-reason out"),
        (
            wish(VolumeAct.DISABLE),
            MARKED,
            "is disabled by the daemon itself, which will enable it, although",
            "leave --without-reason out",
        ),
        (wish(VolumeAct.ENABLE), OFF, "is disabled, although", "then `thaw --and-enable`"),
        (wish(VolumeAct.FREEZE), ROW, "is not frozen, although", "see the log of cinder-api"),
        (wish(VolumeAct.THAW), FROZEN, "is frozen, although", "see the log of cinder-api"),
        (OVER_TO_SPARE, ROW, "has replication enabled, backend default", "replication_device"),
        (BACK, SPARE, "has replication failed-over, backend spare", "replication_device"),
        (
            OVER_TO_SPARE,
            replace(ROW, replication="failover-error"),
            "has replication failover-error",
            "the driver failed",
        ),
    ],
)
def test_what_cinder_took_on_and_did_not_do_is_not_achieved(
    asked: Wish, row: VolumeService, text: str, advice: str
) -> None:
    found = judged(asked, DONE, [row])
    assert found.end is End.NOT_ACHIEVED
    assert text in found.text
    assert advice in found.advice


@pytest.mark.parametrize("act", ACTS)
def test_a_lost_answer_and_nothing_read_is_unknown(act: VolumeAct) -> None:
    rows = {VolumeAct.ENABLE: OFF, VolumeAct.THAW: FROZEN}
    found = judged(wish(act), LOST, [rows.get(act, ROW)])
    assert (found.end, ", and it may be done yet: no answer" in found.text) == (End.UNKNOWN, True)


@pytest.mark.parametrize("answer", [NO, UNSENT])
def test_what_was_refused_or_never_sent_is_refused(answer: tuple[Outcome, str]) -> None:
    found = judged(wish(VolumeAct.FREEZE), answer, [ROW])
    assert (found.end, found.text) == (
        End.REFUSED,
        f"cinder-volume of control@alpha is as it was: {answer[1]}",
    )


def test_a_service_that_vanished_meanwhile_is_unknown() -> None:
    found = judged(wish(VolumeAct.FREEZE), NO, [])
    assert (found.end, found.text.split(";")[0]) == (
        End.UNKNOWN,
        "Cinder does not list cinder-volume of control@alpha any more",
    )


def test_trap_24_a_failover_that_has_not_ended_is_unknown() -> None:
    moving = replace(ROW, replication="failing-over")
    assert not settled(OVER_TO_SPARE, [ROW, moving])
    assert settled(OVER_TO_SPARE, [ROW])
    assert settled(wish(VolumeAct.FREEZE), [moving])
    found = judged(OVER_TO_SPARE, DONE, [moving])
    assert (found.end, "is still failing over" in found.text) == (End.UNKNOWN, True)


def test_trap_24_what_is_to_be_known_although_all_went_well() -> None:
    heard_not = judged(wish(VolumeAct.FREEZE), LOST, [replace(ROW, frozen=True)])
    assert heard_not.advice == (
        "its cinder-volume has not heard of it: it is frozen, and not disabled"
    )
    assert judged(wish(VolumeAct.THAW), DONE, [OFF]).advice == f"{HOST} is disabled: rack move"
    assert judged(wish(VolumeAct.THAW), DONE, [ROW]).advice == ""
    over = judged(OVER_TO_SPARE, DONE, [SPARE])
    assert over.advice == (
        "volumes that are attached must be detached and attached again; "
        "the service is disabled, as Cinder leaves it on purpose"
    )
    back = judged(BACK, DONE, [ROW])
    assert back.text.startswith("cinder-volume of control@alpha is failed over to default")
    assert back.advice == "volumes that are attached must be detached and attached again"


def test_trap_24_a_foreign_disabling_that_was_lost_is_given_back_with_its_reason() -> None:
    thaw, freeze = wish(VolumeAct.THAW), wish(VolumeAct.FREEZE)
    before = replace(OFF, frozen=True)
    assert undone(thaw, [before], [ROW]) == ((before, "rack move"),)
    assert undone(freeze, [OFF], [FROZEN]) == ((OFF, "rack move"),)
    bare = replace(OFF, reason="")
    assert undone(thaw, [bare], [ROW]) == ((bare, NO_REASON),)


def test_what_is_nobodys_to_give_back() -> None:
    thaw = wish(VolumeAct.THAW)
    assert undone(thaw, [FROZEN], [ROW]) == ()  # the freeze's own
    assert undone(thaw, [ROW], [ROW]) == ()
    assert undone(thaw, [OFF], [OFF]) == ()
    assert undone(thaw, [OFF], []) == ()
    assert undone(wish(VolumeAct.THAW, enable=True), [OFF], [ROW]) == ()
    assert undone(wish(VolumeAct.ENABLE), [OFF], [ROW]) == ()
