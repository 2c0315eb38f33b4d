"""What stands in etcd is read back as it was, or refused."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    OPENED,
    PACKED_MIN,
    UNPACKED_MAX,
    Opened,
    TooLarge,
    head_key,
    ordered,
    packed,
    parts_key,
    unpacked,
)
from tests.stores.anything import TEXTS, anything
from tests.stores.values import notice, rich

CHANGES = anything(Change).map(lambda change: replace(change, head=None, audit=()))


@given(CHANGES)
@settings(max_examples=25)
def test_any_change_comes_back_as_it_was(change: Change) -> None:
    assert CHANGE.loads(unpacked(packed(CHANGE.dumps(change)))) == change


def test_a_head_comes_back_with_the_order_of_its_opening_and_without_its_rows() -> None:
    bare = replace(rich(), timeline=(), servers={}, evacuations={})
    assert OPENED.loads(OPENED.dumps(Opened(7, rich()))) == Opened(7, bare)


def test_what_is_empty_is_left_out() -> None:
    assert CHANGE.dumps(Change()) == '{"value":{},"boots":[]}'


@given(st.text(st.characters(codec="utf-8")))
@settings(max_examples=25)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    for one in (text, text * PACKED_MIN):
        assert unpacked(packed(f"{{{one}")) == f"{{{one}"


@pytest.mark.parametrize(
    "value",
    [
        b"z",
        b"znothing",
        b"z" + zlib.compress(b"{}")[:-1],
        b"z" + zlib.compress(b" " * (64 * 1024 * 1024 + 1)),
        b"\xff",
    ],
    ids=["empty", "no-zlib", "cut-off", "bomb", "no-text"],
)
def test_e5_a_value_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(Permanent):
        unpacked(value)


def test_e5_what_would_not_be_read_back_is_not_packed() -> None:
    most = " " * UNPACKED_MAX
    assert unpacked(packed(most)) == most
    with pytest.raises(TooLarge, match=f"{UNPACKED_MAX} are the limit"):
        packed(f"{most} ")


@pytest.mark.parametrize(
    "text",
    ['{"value":{"heads":[]},"boots":[]}', '{"value":[],"boots":[]}', '{"value":{"notices":[1]}}'],
)
def test_a_change_of_other_fields_is_refused(text: str) -> None:
    with pytest.raises(Permanent, match="cannot be read"):
        CHANGE.loads(text)


@given(TEXTS, TEXTS)
@settings(max_examples=50)
def test_no_two_incidents_share_a_key(one: str, other: str) -> None:
    assert (head_key(one) == head_key(other)) is (one == other)
    assert parts_key(one, 1).startswith(parts_key(other)) is (one == other)
    assert head_key(one).count("/") == 1


def test_keys_stand_in_the_order_of_the_commits() -> None:
    made = [ordered("n", order) for order in (1, 2, 9, 10, 11, 99, 100, 10**9)]
    assert made == sorted(made)


def test_notices_of_many_consumers_are_small() -> None:
    rows = tuple(replace(notice(1, consumer=f"c{n}"), body="{}" * 5000) for n in range(20))
    assert len(packed(CHANGE.dumps(Change(notices=rows)))) < 10_000
