"""Log levels come back to what they were, logger by logger."""

from __future__ import annotations

from collections.abc import Sequence

from doctor_daemon.core.log_levels import LevelWish, LogLevels, LogScope
from doctor_daemon.core.raised_levels import WISHES_MAX, judged, put_back, unraised
from doctor_daemon.core.volumes import End

SCOPE = LogScope("cinder-volume", "", "cinder")
BEFORE = {
    "cinder": "INFO",
    "cinder.volume": "WARNING",
    "cinder.volume.api": "INFO",
    "cinder.db": "INFO",
    "cinder.odd": "CRITICAL",
}


def levels(found: dict[str, str], host: str = "a@b") -> LogLevels:
    return LogLevels("cinder-volume", host, found)


def raised(host: str = "a@b") -> LogLevels:
    return levels(dict.fromkeys(BEFORE, "DEBUG"), host)


def done(now: LogLevels, wishes: Sequence[LevelWish]) -> LogLevels:
    """Do as Cinder does with `set-log`."""
    found = dict(now.levels)
    for wish in wishes:
        assert (wish.scope.binary, wish.scope.host) == (now.binary, now.host)
        found |= {name: wish.level for name in found if name.startswith(wish.scope.prefix)}
    return levels(found)


def test_each_logger_is_put_back_whatever_the_others_had() -> None:
    wishes = put_back(SCOPE, [levels(BEFORE)], [raised()])
    assert [(wish.scope.prefix, wish.level) for wish in wishes] == [
        ("cinder", "INFO"),
        ("cinder.volume", "WARNING"),
        ("cinder.volume.api", "INFO"),
    ]
    after = done(raised(), wishes)
    found = judged([levels(BEFORE)], [after])
    # What is no level that can be set is told.
    assert (found.end, found.text) == (
        End.NOT_ACHIEVED,
        "not at the levels that they had before: cinder.odd of a@b",
    )
    usual = {name: level for name, level in BEFORE.items() if name != "cinder.odd"}
    found = judged([levels(usual)], [after])
    assert (found.end, found.text) == (
        End.ACHIEVED,
        "4 loggers are at the levels that they had before",
    )


def test_what_has_forgotten_needs_nothing() -> None:
    assert put_back(SCOPE, [levels(BEFORE)], [levels(BEFORE)]) == ()
    assert judged([levels(BEFORE)], [levels({"cinder": "INFO", "new": "DEBUG"})]).end is (
        End.ACHIEVED
    )


def test_a_logger_that_is_gone_is_not_put_back_and_the_others_are() -> None:
    before = {"cinder.gone": "WARNING", "cinder": "INFO", "cinder.db": "ERROR"}
    now = levels({"cinder": "DEBUG", "cinder.db": "DEBUG"})
    wishes = put_back(SCOPE, [levels(before)], [now])
    assert all(wish.scope.prefix != "cinder.gone" for wish in wishes)
    assert done(now, wishes).levels == {"cinder": "INFO", "cinder.db": "ERROR"}


def test_what_another_order_raises_at_a_level_that_cannot_be_set_is_not_set() -> None:
    before, theirs = [levels({"cinder": "INFO", "odd": "INFO"})], [levels({"odd": "INFO"})]
    for level, wished in (("CRITICAL", {"INFO"}), ("ERROR", {"INFO", "ERROR"})):
        now = [levels({"cinder": "DEBUG", "odd": level})]
        wishes = put_back(LogScope(), before, now, [theirs])
        assert {wish.level for wish in wishes} == wished


def test_what_does_not_answer_may_live_on_as_it_was_raised() -> None:
    assert put_back(SCOPE, [levels(BEFORE)], [raised("other@b")]) == ()
    found = judged([levels(BEFORE), levels(BEFORE, "c@d")], [levels(BEFORE)])
    assert (found.end, found.text) == (
        End.NOT_ACHIEVED,
        "not shown, and perhaps as they were raised: the loggers of c@d",
    )
    assert "restart" in found.advice
    found = judged([levels(BEFORE), levels(BEFORE, "c@d")], [raised("c@d")])
    assert found.text == (
        "not at the levels that they had before: cinder of c@d, cinder.db of c@d, "
        "cinder.odd of c@d, cinder.volume of c@d, cinder.volume.api of c@d; "
        "not shown, and perhaps as they were raised: the loggers of a@b"
    )
    many = [levels(BEFORE, f"h{number}@b") for number in range(7)]
    assert judged(many, []).text.endswith("the loggers of h0@b, h1@b, h2@b, h3@b, h4@b and 2 more")


def test_it_is_bounded_and_names_a_few() -> None:
    many = {f"l{n:03}": "INFO" if n % 2 else "ERROR" for n in range(4 * WISHES_MAX)}
    now = levels(dict.fromkeys(many, "DEBUG"))
    assert len(put_back(LogScope(), [levels(many)], [now])) == WISHES_MAX
    found = judged([levels(many)], [now])
    assert found.text.endswith("l004 of a@b and 195 more")


def test_what_was_raised_before_is_kept_as_it_was_before_both() -> None:
    first, found = [levels(BEFORE)], [raised(), raised("c@d")]
    assert unraised(found, []) == tuple(found)
    kept = unraised(found, [first, [levels({"cinder": "DEBUG"})]])
    assert kept == (levels(BEFORE), raised("c@d"))
    newer = levels({**BEFORE, "cinder.new": "ERROR"})
    assert unraised([newer], [[raised()]]) == (levels({**raised().levels, "cinder.new": "ERROR"}),)


def test_what_another_order_still_raises_is_left_as_it_is() -> None:
    before, now = [levels(BEFORE), levels(BEFORE, "c@d")], [raised(), levels(BEFORE, "c@d")]
    theirs = levels({"cinder.volume": "INFO", "cinder.volume.api": "INFO", "cinder.odd": "INFO"})
    others = [[theirs], [levels({"cinder": "INFO"}, "e@f")]]
    after = [done(raised(), put_back(SCOPE, before, now, others)), now[1]]
    assert after[0].levels == {**BEFORE, **dict.fromkeys(theirs.levels, "DEBUG")}
    found = judged(before, after, others)
    text = "7 loggers are at the levels that they had before; 3 are left as they are, to another"
    assert (found.end, found.text) == (End.ACHIEVED, f"{text} order that has raised them too")
    assert judged(before, after).end is End.NOT_ACHIEVED
    assert put_back(SCOPE, before, after, others) == ()


def test_what_another_order_raises_of_a_process_that_is_silent_is_left_to_it() -> None:
    before = [levels({"cinder": "INFO", "cinder.db": "INFO"})]
    assert judged(before, [], [before]).end is End.ACHIEVED
    assert judged(before, [], [[levels({"cinder": "INFO"})]]).end is End.NOT_ACHIEVED
    assert put_back(SCOPE, before, [], [before]) == ()
