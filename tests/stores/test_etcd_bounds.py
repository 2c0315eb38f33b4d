"""Numbers, tokens, keys, values and versions in etcd, each at the bounds of what is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.core.context import Armed
from doctor_daemon.errors import Permanent
from doctor_daemon.ports.moving import NOT_WHOLE
from doctor_daemon.ports.secrets import LENGTH_MIN
from doctor_daemon.stores.etcd_empty import DATA, check_empty
from doctor_daemon.stores.etcd_json import (
    NUMBER_MAX,
    TOKEN_MAX,
    is_number,
    is_token,
    number,
    records,
    revision_of,
)
from doctor_daemon.stores.etcd_schema import IMPORTING, Newer, check_schema, is_importing
from doctor_daemon.stores.etcd_values import (
    CHANGE,
    DIGITS,
    OPENED,
    PACKED_MIN,
    Opened,
    is_ours,
    packed,
    parts_key,
    unpacked,
)
from tests.stores.etcd_cluster import code
from tests.stores.values import audit_line, head_of, opening

KNOWN = 5


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0", True),
        ("9" * 5, True),
        ("9" * 6, False),
        ("", False),
        ("-1", False),
        ("1a", False),
        ("²", False),
        ("٣", False),
    ],
)
def test_a_number_is_a_few_digits(text: str, *, is_one: bool) -> None:
    assert is_number(text, 5) is is_one


@pytest.mark.parametrize("found", ["9" * NUMBER_MAX, "0", 7])
def test_a_number_is_read_from_a_text_or_as_it_is(found: object) -> None:
    assert number({"a": found}, "a") == int(str(found))


@pytest.mark.parametrize("found", ["9" * (NUMBER_MAX + 1), True, 1.0, None, ["1"], -1])
def test_e5_what_is_no_number_is_refused(found: object) -> None:
    with pytest.raises(Permanent, match="an answer's a is no number"):
        number({"a": found}, "a")


def test_e5_a_revision_is_never_nothing() -> None:
    assert revision_of({"revision": "7"}) == 7
    for record in ({}, {"revision": "0"}):
        with pytest.raises(Permanent, match="no revision"):
            revision_of(record)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * LENGTH_MIN, True),
        ("a" * TOKEN_MAX, True),
        ("a" * (LENGTH_MIN - 1), False),
        ("a" * (TOKEN_MAX + 1), False),
        ("é" * LENGTH_MIN, False),
        ("a" * LENGTH_MIN + "\n", False),
    ],
    ids=["short", "long", "shorter", "longer", "accents", "line"],
)
def test_e5_a_token_can_stand_in_a_header_and_be_kept_secret(text: str, *, is_one: bool) -> None:
    assert is_token(text) is is_one


def test_e5_records_are_a_list_of_objects() -> None:
    assert records({"kvs": [{"a": 1}]}, "kvs") == [{"a": 1}]
    assert records({}, "kvs") == []
    wrong: tuple[object, ...] = (
        [],
        None,
        {"kvs": {}},
        {"kvs": [1]},
        {"kvs": [{}, "a"]},
        {"kvs": "ab"},
    )
    for holder in wrong:
        with pytest.raises(Permanent, match="kvs is no list of objects"):
            records(holder, "kvs")


@pytest.mark.parametrize(
    ("schema", "error", "why"),
    [
        ("1", None, ""),
        (str(KNOWN), None, ""),
        (str(KNOWN + 1), Newer, "a newer one has written here, and this one can neither"),
        ("9" * DIGITS, Newer, "can neither lead nor show"),
        ("9" * (DIGITS + 1), Permanent, "knows 5 at most"),
        ("0", Permanent, "schema is '0'"),
        ("two", Permanent, "schema is 'two'"),
        (IMPORTING, Permanent, NOT_WHOLE[:20]),
    ],
)
def test_d8_a_version_is_known_newer_or_none(
    schema: str, error: type[Exception] | None, why: str
) -> None:
    record = {"value": code(schema)}
    assert is_importing(record) is (schema == IMPORTING)
    if error is None:
        check_schema(record, "/x/", KNOWN)
        return
    with pytest.raises(error, match=why) as refused:
        check_schema(record, "/x/", KNOWN)
    assert type(refused.value) is error


def test_d8_where_nothing_was_written_any_version_begins() -> None:
    check_schema({}, "/x/", KNOWN)
    assert not is_importing({})


def counting(*counts: int) -> dict[str, Any]:
    return {"responses": [{"response_range": {"count": str(one)}} for one in counts]}


def test_an_answer_that_counts_nothing_is_empty_and_no_shorter_one() -> None:
    nothing = [0] * len(DATA)
    check_empty(counting(7, *nothing), 1, "/x/")
    with pytest.raises(Permanent, match="there is state below /x/"):
        check_empty(counting(*nothing[1:], 1), 0, "/x/")
    for counts in (nothing[1:], [*nothing, 0]):
        with pytest.raises(Permanent, match="not whole"):
            check_empty(counting(*counts), 0, "/x/")
    odd = counting(*nothing)
    odd["responses"][0] = {"response_range": "none"}
    with pytest.raises(Permanent, match="not whole"):
        check_empty(odd, 0, "/x/")


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        *(
            (one, True)
            for one in ("schema", "term", "leader", "mark", "returns", "audit", "disarm")
        ),
        *((f"{kind}/{7:016}", True) for kind in "adlsnec"),
        *((f"{kind}/one", True) for kind in ("i", "p", "x", "daemons")),
        *((f"{kind}/", False) for kind in ("i", "p", "x", "daemons", "a", "l")),
        *(
            (one, False)
            for one in ("l/one", "l", "i", "", "members/a", "schema/1", f"l/{'9' * 17}")
        ),
    ],
)
def test_a_key_is_one_of_ours_by_its_kind(key: str, *, is_one: bool) -> None:
    assert is_ours(key) is is_one


@pytest.mark.parametrize(
    ("size", "is_packed"), [(PACKED_MIN - 1, False), (PACKED_MIN, True), (PACKED_MIN + 1, True)]
)
def test_a_value_is_packed_from_a_size_on(size: int, *, is_packed: bool) -> None:
    value = packed("{" + "a" * (size - 1))
    assert (value[:1] == b"z") is is_packed
    assert unpacked(value) == "{" + "a" * (size - 1)


def test_the_keys_of_steps_begin_as_those_of_their_incident() -> None:
    assert parts_key("one") == "p/one/"
    assert parts_key("one", 0) == f"p/one/{0:016}"


@pytest.mark.parametrize(
    "changed", [{"more": 1}, {"order": "7"}, {"order": None}, {"head": {}}, {"head": None}]
)
def test_d9_an_opened_incident_is_an_order_and_a_head(changed: Mapping[str, object]) -> None:
    written = json.loads(OPENED.dumps(Opened(7, head_of(opening()))))
    assert OPENED.loads(json.dumps(written)).order == 7
    written["value"] |= changed
    with pytest.raises(Permanent, match="cannot be read"):
        OPENED.loads(json.dumps(written))
    with pytest.raises(ValueError, match="an opened incident"):
        OPENED.dumps(head_of(opening()))  # type: ignore[arg-type] # it is wrong


@pytest.mark.parametrize("name", ["head", "audit"])
def test_heads_and_lines_of_the_audit_have_keys_of_their_own(name: str) -> None:
    whole = replace(opening(), audit=(audit_line(1),), armed=Armed(on=True))
    written = json.loads(CHANGE.dumps(whole))
    assert set(written["value"]) == {"entries", "armed"}
    with pytest.raises(Permanent, match="cannot be read"):
        CHANGE.loads(json.dumps(written | {"value": {name: []}}))
