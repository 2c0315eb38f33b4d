"""Words: folding, reordering, ageing, and how they add up."""

import pytest

from doctor_daemon.core.evidence import (
    SUMMARY_MAX,
    WORDS_MAX,
    Evidence,
    Serial,
    Trust,
    Verdict,
    Words,
    accused,
    fold,
)
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.weighing import enough, standing
from tests.core.make import OTHER_BOOT, at, evidence

AGE_S = 300.0


def words(*said: Evidence) -> Words:
    folded: Words = {}
    for one in said:
        folded = fold(folded, one)
    return folded


def test_the_first_word_of_a_source_stands_as_it_was_said() -> None:
    said = evidence(3, trust=Trust.SECOND, claimed_s=77.0)
    (word,) = words(said).values()
    assert (word.verdict, word.source, word.kind) == (said.verdict, said.source, said.kind)
    assert (word.trust, word.summary, word.claimed_s) == (Trust.SECOND, "HostDown", 77.0)
    assert (word.first, word.last, word.count) == (at(3), at(3), 1)


def test_a6_a_repeated_word_refreshes_the_one_that_stands_and_weighs_no_more() -> None:
    twice = words(evidence(0, trust=Trust.SECOND), evidence(5, trust=Trust.SECOND))
    (word,) = twice.values()
    assert (word.first, word.last, word.count) == (at(0), at(5), 2)
    assert not enough(twice, at(5), AGE_S)


def test_a_changed_verdict_begins_anew() -> None:
    (word,) = words(evidence(0), evidence(5, Verdict.WITHDRAWN, summary="resolved")).values()
    assert (word.verdict, word.first, word.last) == (Verdict.WITHDRAWN, at(5), at(5))
    assert (word.count, word.summary) == (2, "resolved")


def test_the_latest_word_says_how_far_its_source_is_trusted() -> None:
    (word,) = words(evidence(0), evidence(5, trust=Trust.OPEN)).values()
    assert word.trust is Trust.OPEN


def test_e1_the_latest_word_says_of_which_kind_it_is_and_stands_as_that_since_then() -> None:
    (word,) = words(evidence(0, kind="ping"), evidence(5, kind="network")).values()
    assert (word.kind, word.first, word.last) == ("network", at(5), at(5))


def test_i20_a_summary_is_cut_short() -> None:
    long = "x" * (SUMMARY_MAX + 1)
    for said in ([evidence(0, summary=long)], [evidence(0), evidence(1, summary=long)]):
        (word,) = words(*said).values()
        assert word.summary == "x" * SUMMARY_MAX


def test_other_statements_and_other_sources_stand_beside() -> None:
    three = words(evidence(), evidence(fingerprint="disk"), evidence(source="zabbix"))
    assert set(three) == {"alertmanager/print", "alertmanager/disk", "zabbix/print"}


@pytest.mark.parametrize(
    ("earlier_s", "later_s", "stands"),
    [
        (100.0, 99.75, Verdict.DOWN),  # claimed before the one that stands
        (100.0, 100.0, Verdict.UP),
        (100.0, 101.0, Verdict.UP),
        (None, 99.0, Verdict.UP),  # without a claim, what is received last counts
        (100.0, None, Verdict.UP),
    ],
)
def test_a7_what_a_source_claimed_earlier_does_not_replace_its_later_word(
    earlier_s: float | None, later_s: float | None, stands: Verdict
) -> None:
    first = words(evidence(0, claimed_s=earlier_s))
    both = fold(first, evidence(5, Verdict.UP, claimed_s=later_s))
    assert both["alertmanager/print"].verdict is stands
    assert (both == first) is (stands is Verdict.DOWN)


@pytest.mark.parametrize(
    ("earlier", "later", "stands"),
    [
        (Serial(1, 8), Serial(1, 7), Verdict.DOWN),  # sent before the one that stands
        (Serial(1, 8), Serial(1, 8), Verdict.DOWN),  # the same, on a second way
        (Serial(1, 8), Serial(1, 9), Verdict.UP),
        (Serial(1, 8), Serial(2, 1), Verdict.UP),  # its sender was started anew
        (Serial(2, 1), Serial(1, 9), Verdict.DOWN),
        (None, Serial(1, 1), Verdict.UP),
        (Serial(1, 1), None, Verdict.UP),
    ],
)
def test_a7_what_a_source_has_counted_before_does_not_replace_its_later_word(
    earlier: Serial | None, later: Serial | None, stands: Verdict
) -> None:
    first = words(evidence(0, serial=earlier))
    both = fold(first, evidence(5, Verdict.UP, serial=later))
    assert both["alertmanager/print"].verdict is stands
    assert (both == first) is (stands is Verdict.DOWN)


def test_a7_a_count_goes_before_a_clock() -> None:
    first = words(evidence(0, claimed_s=100.0, serial=Serial(1, 1)))
    stepped_back = evidence(5, Verdict.UP, claimed_s=50.0, serial=Serial(1, 2))
    assert fold(first, stepped_back)["alertmanager/print"].serial == Serial(1, 2)


def test_words_are_bounded_and_what_only_one_statement_says_stays_longest() -> None:
    full = words(
        *(evidence(n, fingerprint=f"down-{n}") for n in range(WORDS_MAX - 2)),
        evidence(50, Verdict.UP, fingerprint="up-50"),
        evidence(40, Verdict.UP, fingerprint="up-40"),
    )
    assert len(full) == WORDS_MAX
    more = fold(full, evidence(60, fingerprint="new-60"))
    assert set(full) - set(more) == {"alertmanager/up-40"}
    more = fold(more, evidence(61, fingerprint="new-61"))
    assert "alertmanager/down-0" not in more
    more = fold(more, evidence(62, Verdict.WITHDRAWN, fingerprint="down-5"))
    more = fold(more, evidence(63, fingerprint="new-63"))
    assert "alertmanager/down-5" not in more
    assert "alertmanager/up-50" in more
    assert len(more) == WORDS_MAX


def test_a_bound_that_is_not_reached_drops_nothing() -> None:
    almost = words(*(evidence(n, fingerprint=f"{n}") for n in range(WORDS_MAX - 1)))
    assert len(fold(almost, evidence(99, fingerprint="last"))) == WORDS_MAX


def test_a_full_set_of_words_still_takes_news_of_one_it_has() -> None:
    full = words(*(evidence(n, fingerprint=f"{n}") for n in range(WORDS_MAX)))
    assert set(fold(full, evidence(99, fingerprint="0"))) == set(full)


@pytest.mark.parametrize(
    ("verdict", "now", "stands"),
    [
        (Verdict.DOWN, at(AGE_S), True),
        (Verdict.DOWN, at(AGE_S + 0.25), False),
        (Verdict.DOWN, at(1, OTHER_BOOT), False),
        (Verdict.UP, at(1), False),
        (Verdict.WITHDRAWN, at(1), False),
    ],
)
def test_a5_only_a_young_accusation_stands(verdict: Verdict, now: Instant, *, stands: bool) -> None:
    assert bool(list(standing(words(evidence(0, verdict)), now, AGE_S))) is stands


def test_whoever_has_not_taken_it_back_still_accuses() -> None:
    assert accused(words(evidence(-9999)))
    assert accused(words(evidence(0, Verdict.WITHDRAWN), evidence(source="zabbix")))
    assert not accused(words(evidence(0, Verdict.WITHDRAWN), evidence(0, Verdict.UP, "zabbix")))


ALONE, SECOND, OPEN = Trust.ALONE, Trust.SECOND, Trust.OPEN


@pytest.mark.parametrize(
    ("said", "suffices"),
    [
        ([], False),
        ([("a", ALONE)], True),
        ([("a", SECOND)], False),
        ([("a", OPEN)], False),
        ([("a", SECOND), ("b", SECOND)], True),
        ([("a", SECOND), ("a", SECOND)], False),
        ([("a", SECOND), ("b", OPEN)], True),
        ([("a", OPEN), ("b", SECOND)], True),
        ([("a", OPEN), ("a", SECOND)], False),
        ([("a", OPEN), ("b", OPEN)], False),
        ([("a", OPEN), ("b", OPEN), ("c", OPEN)], False),
        ([("a", OPEN), ("a", OPEN), ("b", ALONE)], True),
    ],
)
def test_e1_two_kinds_are_needed_and_one_of_them_authenticated(
    said: list[tuple[str, Trust]],
    *,
    suffices: bool,
) -> None:
    heard = words(
        *(
            evidence(source=f"source-{n}", kind=kind, trust=trust)
            for n, (kind, trust) in enumerate(said)
        )
    )
    assert enough(heard, at(0), AGE_S) is suffices


def test_an_old_word_does_not_corroborate_a_young_one() -> None:
    old, young = evidence(0, source="a", trust=SECOND), evidence(200, source="b", trust=SECOND)
    assert enough(words(old, young), at(AGE_S), AGE_S)
    assert not enough(words(old, young), at(AGE_S + 1), AGE_S)
