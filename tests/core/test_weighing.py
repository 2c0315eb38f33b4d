"""Weighing: so many kinds in a window, whose word is enough alone, and what never is."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.core.corroboration import Corroboration
from doctor_daemon.core.evidence import Evidence, Trust, Verdict, Words, fold
from doctor_daemon.core.weighing import after_life, enough, kinds_of, shortage, standing
from tests.core.make import OTHER_BOOT, Fields, at, evidence

AGE_S = 300.0
OR_ALONE = ", or one that is enough alone"
ALONE, SECOND, OPEN = Trust.ALONE, Trust.SECOND, Trust.OPEN
RENAMED = ((0, "ipmi"), (0, "network"))
NONE_ALONE: frozenset[str] = frozenset()


def heard(*said: Evidence) -> Words:
    words: Words = {}
    for one in said:
        words = fold(words, one)
    return words


def word(seconds: float, kind: str, trust: Trust = SECOND, **changes: Fields) -> Evidence:
    return evidence(seconds, source=f"of-{kind}", kind=kind, trust=trust, **changes)


def weigh(said: Iterable[Evidence], now: float = 0, **need: Fields) -> bool:
    return enough(heard(*said), at(now), AGE_S, Corroboration(**need))


@pytest.mark.parametrize(("kinds", "suffices"), [(1, True), (2, True), (3, True), (4, False)])
def test_e1_so_many_different_kinds_are_enough(kinds: int, *, suffices: bool) -> None:
    three = [word(0, "ping"), word(0, "heartbeat"), word(0, "monitoring")]
    assert weigh(three, kinds=kinds) is suffices


def test_e1_two_sources_of_one_kind_count_once() -> None:
    both = [word(0, "ping"), evidence(0, source="other", kind="ping", trust=SECOND)]
    assert not weigh(both)
    assert weigh([*both, word(0, "heartbeat")])


@pytest.mark.parametrize("kinds", [1, 2])
def test_e1_without_a_secret_no_number_of_kinds_is_enough(kinds: int) -> None:
    said = [word(0, "ping", OPEN), word(0, "arp", OPEN)]
    assert not weigh(said, kinds=kinds)
    assert weigh([*said, word(0, "heartbeat")], kinds=kinds)


@pytest.mark.parametrize(
    ("alone", "suffices"),
    [
        (None, True),
        (frozenset({"of-monitoring"}), True),
        (frozenset({"of-ping"}), False),
        (NONE_ALONE, False),
    ],
)
def test_a_group_says_whose_word_is_enough_alone(
    alone: frozenset[str] | None, *, suffices: bool
) -> None:
    assert weigh([word(0, "monitoring", ALONE)], alone=alone) is suffices


def test_a_group_may_trust_alone_who_is_not_trusted_so_by_others() -> None:
    assert weigh([word(0, "ping")], alone=frozenset({"of-ping"}))
    assert not weigh([word(0, "ping", OPEN)], alone=frozenset({"of-ping"}))


def test_who_is_trusted_alone_still_is_a_second_kind_where_nobody_is() -> None:
    said = [word(0, "monitoring", ALONE), word(0, "ping", OPEN)]
    assert weigh(said, alone=NONE_ALONE)


@pytest.mark.parametrize("need", [{}, {"kinds": 1}, {"alone": frozenset({"of-kdump"})}])
def test_b14_a_kind_that_is_never_enough_alone_needs_another(need: Fields) -> None:
    never = {"never_alone": frozenset({"kdump", "ping"}), **need}
    assert not weigh([word(0, "kdump", ALONE)], **never)
    assert weigh([word(0, "kdump", ALONE), word(0, "ping", OPEN)], **never)
    assert weigh([word(0, "kdump"), word(0, "heartbeat")], **never)


@pytest.mark.parametrize(
    ("kinds", "trust", "suffices"),
    [
        (frozenset(), SECOND, True),
        (frozenset({"ping"}), SECOND, True),
        (frozenset({"kdump"}), SECOND, False),
        (frozenset({"kdump", "ping"}), SECOND, False),
        (frozenset(), OPEN, False),
    ],
)
def test_b14_where_one_kind_is_enough_it_is_none_that_never_is(
    kinds: frozenset[str], trust: Trust, *, suffices: bool
) -> None:
    assert weigh([word(0, "kdump", trust)], kinds=1, never_alone=kinds) is suffices


@pytest.mark.parametrize(("gap_s", "suffices"), [(30, True), (30.25, False)])
def test_kinds_must_come_within_the_window(gap_s: float, *, suffices: bool) -> None:
    assert weigh([word(0, "a"), word(gap_s, "b")], gap_s, window_s=30.0) is suffices
    assert weigh([word(gap_s, "a"), word(0, "b")], gap_s, window_s=30.0) is suffices


def test_a_word_that_is_repeated_stands_all_the_while() -> None:
    steady = [word(0, "a"), word(200, "a"), word(100, "b")]
    assert weigh(steady, 200, window_s=30.0)
    assert not weigh([word(0, "a"), word(200, "b"), word(200, "c")], 200, window_s=30.0, kinds=3)
    three = [word(0, "a"), word(20, "b"), word(40, "c")]
    assert weigh(three, 40, window_s=30.0)
    assert not weigh(three, 40, window_s=30.0, kinds=3)


def test_a_word_that_has_stood_since_before_a_reboot_stands_with_what_came_after() -> None:
    before = word(9, "a", received_at=at(9, OTHER_BOOT))
    after = word(100, "a"), word(50, "b")
    assert weigh([before, *after], 100, window_s=30.0)
    assert not weigh([before, word(50, "b")], 100, window_s=30.0)


@pytest.mark.parametrize(
    ("given", "now", "suffices"),
    [
        (ALONE, ALONE, True),
        (ALONE, SECOND, False),
        (ALONE, OPEN, False),
        (SECOND, ALONE, False),
    ],
)
def test_d4_a_word_of_before_counts_for_no_more_than_its_source_s_does_now(
    given: Trust, now: Trust, *, suffices: bool
) -> None:
    said = [word(0, "ping", given)]
    assert weigh(said, trusts={"of-ping": now}) is suffices
    assert weigh(said) is (given is ALONE), "nobody knows which sources there are"
    assert not weigh(said, trusts={"of-another": now}), "there is no such source any more"
    assert not weigh(said, trusts={}), "nor any other"


def test_d4_a_source_that_has_no_secret_any_more_is_no_authenticated_one() -> None:
    said = [word(0, "ping"), word(0, "arp", OPEN)]
    assert weigh(said)
    assert not weigh(said, trusts={"of-ping": OPEN})


def test_d4_an_operator_is_no_source_that_can_be_taken_out() -> None:
    said = [evidence(0, source="operator:ann", kind="operator", trust=ALONE)]
    assert weigh(said, trusts={})
    assert weigh(said, trusts={"of-ping": OPEN})


def test_e1_what_a_source_said_that_may_not_speak_of_the_host_counts_for_nothing() -> None:
    said = [word(0, "ping", ALONE), word(0, "arp")]
    assert weigh(said)
    assert not weigh(said, barred=frozenset({"of-ping"}))
    need = Corroboration(barred=frozenset({"of-ping"}))
    assert kinds_of(standing(heard(*said), at(0), AGE_S, need)) == ["arp"]


def test_e1_a_source_whose_kind_was_changed_is_not_two_kinds() -> None:
    said = [evidence(s, source="zbx", kind=k, fingerprint=k, trust=SECOND) for s, k in RENAMED]
    gives = {"zbx": frozenset({"network"})}
    assert not weigh(said, gives=gives)
    need = Corroboration(gives=gives)
    assert kinds_of(standing(heard(*said), at(0), AGE_S, need)) == ["network"]
    assert weigh([*said, word(0, "ping")], gives=gives), "others may give what they like"
    assert weigh(said, gives={"zbx": frozenset({"ipmi", "network"})}), "as ping of two networks"


def test_a5_a_source_of_its_own_age_counts_no_longer_than_that() -> None:
    words, need = heard(word(0, "a"), word(0, "b")), Corroboration(ages={"of-a": 10.0})
    assert {one.kind for one in standing(words, at(10), AGE_S, need)} == {"a", "b"}
    assert {one.kind for one in standing(words, at(10.25), AGE_S, need)} == {"b"}
    longer = Corroboration(ages={"of-a": 900.0})
    assert not list(standing(words, at(AGE_S + 1), AGE_S, longer))


@pytest.mark.parametrize(
    ("said", "need", "text"),
    [
        ([], {}, f"0 kinds of evidence, and it takes 2{OR_ALONE}"),
        (
            [word(0, "ping")],
            {},
            f"1 kind of evidence (ping), and it takes 2{OR_ALONE}",
        ),
        (
            [],
            {"alone": frozenset({"agent"})},
            f"0 kinds of evidence, and it takes 2{OR_ALONE}",
        ),
        ([], {"alone": frozenset()}, "0 kinds of evidence, and it takes 2"),
        (
            [word(0, "ping"), word(0, "arp")],
            {"kinds": 3, "window_s": 60.0},
            f"2 kinds of evidence (arp, ping), and it takes 3 within 60 s{OR_ALONE}",
        ),
        (
            [word(0, "ping", OPEN)],
            {"kinds": 1},
            "1 kind of evidence (ping), and it takes one that is authenticated",
        ),
        ([], {"window_s": AGE_S}, f"0 kinds of evidence, and it takes 2{OR_ALONE}"),
    ],
)
def test_what_is_missing_is_said(said: list[Evidence], need: Fields, text: str) -> None:
    assert shortage(heard(*said), at(0), AGE_S, Corroboration(**need)) == text


def test_life_answers_what_was_said_until_then_and_no_more() -> None:
    said = [word(9.75, "a"), word(10, "b"), word(10.25, "c")]
    assert [*after_life(heard(*said))] == ["of-a/print", "of-b/print", "of-c/print"]
    seen = word(10, "agent", verdict=Verdict.UP)
    assert [*after_life(heard(*said, seen))] == ["of-c/print"]
    taken_back = word(11, "a", verdict=Verdict.WITHDRAWN)
    assert [*after_life(heard(*said, seen, taken_back))] == ["of-c/print"]
    later = word(10.25, "ping", verdict=Verdict.UP)
    assert after_life(heard(*said, seen, later)) == {}


statements = st.lists(
    st.builds(
        lambda when, kind, trust, down: word(
            when, kind, trust, verdict=Verdict.DOWN if down else Verdict.WITHDRAWN
        ),
        st.sampled_from((0.0, 10.0, 20.0, 90.0)),
        st.sampled_from("abcd"),
        st.sampled_from(Trust),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.kind,
)
needs = st.builds(
    Corroboration,
    kinds=st.integers(1, 4),
    window_s=st.sampled_from((15.0, 30.0, 1e9)),
    alone=st.one_of(st.none(), st.frozensets(st.sampled_from(("of-a", "of-b")))),
    never_alone=st.frozensets(st.sampled_from("abc")),
)


@given(said=statements, need=needs, order=st.randoms(use_true_random=False))
def test_a7_the_order_in_which_words_come_weighs_nothing(
    said: list[Evidence], need: Corroboration, order: Random
) -> None:
    shuffled = list(said)
    order.shuffle(shuffled)
    one, other = heard(*said), heard(*shuffled)
    assert one == other
    assert enough(one, at(90), AGE_S, need) is enough(other, at(90), AGE_S, need)


@given(said=statements, need=needs)
def test_e1_what_is_enough_is_one_trusted_source_or_so_many_kinds(
    said: list[Evidence], need: Corroboration
) -> None:
    words = heard(*said)
    held = list(standing(words, at(90), AGE_S, need))
    if enough(words, at(90), AGE_S, need):
        assert any(word.trust is not OPEN for word in held)
        trusted = [w for w in held if w.trust is ALONE or w.source in (need.alone or ())]
        assert len(kinds_of(held)) >= need.kinds or trusted
        assert not set(kinds_of(held)) <= need.never_alone or len(kinds_of(held)) > 1


@given(said=statements, need=needs)
def test_one_kind_more_never_takes_away(said: list[Evidence], need: Corroboration) -> None:
    more = [*said, word(90, "more")]
    if enough(heard(*said), at(90), AGE_S, need):
        assert enough(heard(*more), at(90), AGE_S, need)
