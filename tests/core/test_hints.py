"""Hints: late, twice, out of order; what a list has shown they never undo."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.hints import MARGIN_S, Hint, Known, Taken, judged
from doctor_daemon.core.host import Server, ServerId

LIST_S = 1_000.0
"""When the newest list was asked for, by Nova's clock."""
SERVER = Server(ServerId("s-1"), "one", "red")
LISTED = Known(SERVER, "cmp-1", LIST_S)
NEW = Known(asked_there_s=LIST_S)


def hint(host: str, changed_s: float, sent_s: float = LIST_S + 10) -> Hint:
    return Hint(SERVER, host, changed_s, sent_s)


@pytest.mark.parametrize("host", ["cmp-2", ""])
def test_a7_a_stale_hint_takes_no_server_from_where_a_list_has_shown_it(host: str) -> None:
    for changed_s in (LIST_S - 3600, LIST_S, LIST_S + MARGIN_S):
        assert judged(hint(host, changed_s), LISTED) is Taken.STALE
    assert judged(hint(host, LIST_S + MARGIN_S + 1), LISTED) is Taken.TAKEN


def test_a_server_that_no_list_has_shown_is_believed_in_unless_that_is_old() -> None:
    assert judged(hint("cmp-2", LIST_S - MARGIN_S + 1), NEW) is Taken.TAKEN
    assert judged(hint("cmp-2", LIST_S - MARGIN_S), NEW) is Taken.STALE


def test_what_moves_nothing_counts_as_soon_as_it_is_no_older_than_the_list() -> None:
    assert judged(hint("cmp-1", LIST_S), LISTED) is Taken.TAKEN
    assert judged(hint("cmp-1", LIST_S - MARGIN_S), LISTED) is Taken.STALE


def test_a6_a_hint_that_comes_twice_counts_once() -> None:
    first = hint("cmp-2", LIST_S + 5)
    assert judged(first, replace(LISTED, hint=first)) is Taken.REPEATED


def test_a7_of_two_hints_the_later_change_counts_whichever_comes_first() -> None:
    older, newer = hint("cmp-2", LIST_S + 5), hint("cmp-3", LIST_S + 6)
    assert judged(newer, replace(LISTED, hint=older)) is Taken.TAKEN
    assert judged(older, replace(LISTED, hint=newer)) is Taken.REPEATED


def test_of_one_change_the_later_message_counts() -> None:
    before, after = (hint("cmp-2", LIST_S + 5, sent_s) for sent_s in (10.0, 10.5))
    assert judged(after, replace(LISTED, hint=before)) is Taken.TAKEN
    assert judged(before, replace(LISTED, hint=after)) is Taken.REPEATED


def test_whose_a_server_is_no_hint_changes() -> None:
    other = replace(SERVER, project="blue")
    assert judged(Hint(other, "cmp-1", LIST_S + 9, 0.0), LISTED) is Taken.FOREIGN
    assert judged(Hint(other, "cmp-1", LIST_S + 9, 0.0), NEW) is Taken.TAKEN


def test_without_a_list_that_nova_has_dated_nothing_counts() -> None:
    for known in (Known(), replace(LISTED, asked_there_s=None)):
        assert judged(hint("cmp-1", LIST_S + 9), known) is Taken.UNSURE
