"""What a store in memory keeps no more: that goes by the last time that it was told."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

import pytest

from doctor_daemon.core.context import Charge
from doctor_daemon.ports import Change, Wanted
from doctor_daemon.stores.contents import Contents, Keeping
from doctor_daemon.stores.retention import CHARGES_KEEP_S, KEYS_KEEP_S
from tests.stores.values import at, evidence, notice


class Text(str):
    """A text of which it is seen whether anybody keeps it."""

    __slots__ = ("__weakref__",)


def contents(*changes: Change) -> Contents:
    made = Contents()
    for change in changes:
        made.put(change)
    return made


def heard(key: str, seconds: float) -> Change:
    return Change(evidence=(evidence(key, seconds),))


def test_before_any_time_was_told_nothing_is_old() -> None:
    store = contents(Change(charges=(Charge("one", 1, "rack", at(0)),), notices=(notice(1),)))
    store.prune(Keeping(1, 1))
    assert len(store.snapshot().charges) == 1
    assert len(store.letters.wanted(Wanted(), 9)) == 1


@pytest.mark.parametrize(("later_s", "left"), [(0.0, ["b", "a"]), (0.25, ["b"])])
def test_an_event_is_known_again_for_as_long_as_is_said(later_s: float, left: list[str]) -> None:
    store = contents(heard("a", 0), heard("b", KEYS_KEEP_S + later_s))
    store.grow_old()
    assert [row.key for row in store.said("am", 9)] == left


@pytest.mark.parametrize(("later_s", "left"), [(0.0, 1), (0.25, 0)])
def test_a_charge_is_kept_for_as_long_as_it_may_count(later_s: float, left: int) -> None:
    charged = Change(charges=(Charge("one", 1, "rack", at(0)),))
    store = contents(charged, heard("b", CHARGES_KEEP_S + later_s))
    store.grow_old()
    assert len(store.snapshot().charges) == left


def test_of_an_event_that_is_dropped_its_words_are_not_kept_either() -> None:
    words = Text("it does not answer")
    kept = ref(words)
    store = contents(Change(evidence=(evidence("a", 0, words),)))
    del words
    assert kept() is not None
    another = replace(evidence("b", KEYS_KEEP_S + 1), fingerprint="f01")
    store.put(Change(evidence=(another,)))
    store.grow_old()
    assert kept() is None
