"""Whatever Nova answers, what comes out of it is a value or one of our errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.controllers.microversions import (
    parse_offer,
)
from doctor_daemon.controllers.rows import INLINE_MAX, decode
from doctor_daemon.controllers.servers import by_host, only_on, read_page
from doctor_daemon.controllers.services import all_services, one_service, read_services
from doctor_daemon.controllers.updates import ENABLE, LIFT, REASON_MAX, fencing, puts, storable
from doctor_daemon.errors import DoctorError, Permanent, Temporary
from tests.controllers.answers import AT, SERVER, SERVICE, UUID, body

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def _spoilt(row: Mapping[str, object]) -> st.SearchStrategy[Mapping[str, object]]:
    """Rows in which some values are other ones, or missing."""
    keys = st.sampled_from(sorted(row))
    changes = st.dictionaries(keys, _JSON | st.sampled_from(["UNKNOWN", "DELETED", ""]), max_size=3)
    gone = st.sets(keys, max_size=2)
    return st.builds(
        lambda c, g: {k: v for k, v in {**row, **c}.items() if k not in g}, changes, gone
    )


@given(st.lists(_spoilt(SERVICE), max_size=3))
def test_whatever_services_look_like_only_doctor_errors_come_out(
    found: list[Mapping[str, object]],
) -> None:
    services = read_services(body("services", *found))
    for read in (partial(one_service, services, "cmp-1", AT), partial(all_services, services, AT)):
        with suppress(DoctorError):
            read()


@given(st.lists(_spoilt(SERVER), max_size=3), _JSON)
def test_whatever_servers_look_like_only_doctor_errors_come_out(
    found: list[Mapping[str, object]], links: object
) -> None:
    with suppress(DoctorError):
        page = read_page(body("servers", *found, servers_links=links))
        by_host(page.placed)
        only_on("cmp-1", page.placed)


@given(_JSON, st.text(max_size=300))
def test_whatever_is_answered_only_doctor_errors_come_out(document: object, reason: str) -> None:
    with suppress(DoctorError):
        parse_offer(document)
    for update in (fencing(reason, disable=True), LIFT, ENABLE):
        for put in (*puts(UUID, update), *puts("6@cmp-1", update)):
            with suppress(DoctorError):
                assert not put.shown(json.dumps(document).encode())
    assert 1 <= len(storable(reason)) <= REASON_MAX
    assert not storable(reason).startswith("AUTO: ")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000, b"[" * 200_000, b'"services"']
)
def test_what_is_no_json_object_is_temporary(body: bytes) -> None:
    with pytest.raises(Temporary, match="Nova's answer is"):
        decode(body)


@pytest.mark.parametrize("count", [1, 10_000])
def test_an_answer_of_any_size_is_read_as_it_is(count: int) -> None:
    document = {"servers": [{"id": str(number), "links": [{}]} for number in range(count)]}
    body = json.dumps(document).encode()
    assert (len(body) > INLINE_MAX) is (count > 1)
    assert decode(body) == document


@pytest.mark.parametrize("body", [b"{}", b'{"services": {}}', b'{"services": [1]}'])
def test_a_list_that_is_none_is_permanent(body: bytes) -> None:
    with pytest.raises(Permanent, match="no list 'services'"):
        read_services(body)
