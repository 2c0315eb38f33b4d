"""Which microversion a call is pinned to, and clouds that do not offer it."""

from __future__ import annotations

import pytest

from doctor_daemon.controllers.microversions import (
    AGGREGATES,
    EVACUATE,
    FORCE_DOWN,
    MIGRATIONS,
    SERVERS,
    SERVICES,
    STATUS,
    UPDATE,
    NotOfferedError,
    Offer,
    Span,
    Version,
    parse_offer,
)
from doctor_daemon.errors import Permanent


def _offer(low: str, high: str) -> Offer:
    return parse_offer({"version": {"id": "v2.1", "version": high, "min_version": low}})


@pytest.mark.parametrize(
    ("span", "high", "chosen"),
    [
        (SERVERS, "2.1", (2, 1)),
        (SERVERS, "2.73", (2, 73)),
        (SERVERS, "2.90", (2, 90)),
        (SERVERS, "2.100", (2, 90)),
        (SERVICES, "2.11", (2, 11)),
        (SERVICES, "2.52", (2, 52)),
        (SERVICES, "2.104", (2, 69)),
        (EVACUATE, "2.29", (2, 29)),
        (EVACUATE, "2.52", (2, 52)),
        (EVACUATE, "2.104", (2, 68)),
        (MIGRATIONS, "2.9", (2, 9)),
        (MIGRATIONS, "2.58", (2, 58)),
        (MIGRATIONS, "2.104", (2, 59)),
        (AGGREGATES, "2.29", (2, 29)),
        (AGGREGATES, "2.104", (2, 41)),
        (FORCE_DOWN, "2.52", (2, 11)),
        (STATUS, "2.52", (2, 1)),
        (UPDATE, "2.104", (2, 53)),
    ],
)
def test_the_highest_of_both_is_chosen(span: Span, high: str, chosen: tuple[int, int]) -> None:
    assert _offer("2.1", high).choose(span) == Version(*chosen)


@pytest.mark.parametrize(
    ("span", "high", "words"),
    [
        (SERVICES, "2.10", r"2\.1 to 2\.10; 2\.11 to 2\.69 is needed .* \(Nova 12, Liberty, or"),
        (EVACUATE, "2.28", r"2\.29 to 2\.68 is needed to have servers .* \(Nova 14, Newton, or"),
        (UPDATE, "2.52", r"2\.53 is needed to change a service by its UUID \(Nova 16, Pike, or"),
    ],
)
def test_what_is_not_offered_is_told_with_what_it_is_for(span: Span, high: str, words: str) -> None:
    with pytest.raises(NotOfferedError, match=words):
        _offer("2.1", high).choose(span)


@pytest.mark.parametrize(
    ("high", "missing"),
    [
        ("2.104", []),
        ("2.53", []),
        ("2.52", []),
        ("2.29", []),
        ("2.28", [EVACUATE]),
        ("2.11", [EVACUATE]),
        ("2.10", [SERVICES, FORCE_DOWN, EVACUATE]),
        ("2.1", [SERVICES, FORCE_DOWN, EVACUATE]),
    ],
)
def test_a_cloud_that_is_too_old_is_told_what_it_lacks(high: str, missing: list[Span]) -> None:
    told = _offer("2.1", high).missing()
    assert len(told) == len(missing)
    for words, span in zip(told, missing, strict=True):
        assert span.use in words


@pytest.mark.parametrize(("high", "by_name"), [("2.11", True), ("2.52", True), ("2.53", False)])
def test_the_dialect_is_told_by_what_is_offered(high: str, *, by_name: bool) -> None:
    assert _offer("2.1", high).by_name is by_name


def test_a_cloud_that_is_too_new_is_told_so_too() -> None:
    offer = _offer("2.80", "2.200")
    assert offer.choose(SERVERS) == Version(2, 90)
    for span in (SERVICES, UPDATE):
        with pytest.raises(Permanent, match=r"2\.80 to 2\.200") as told:
            offer.choose(span)
        assert "or newer" not in str(told.value)
    assert len(offer.missing()) == 6


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"versions": []},
        {"version": "2.1"},
        {"version": {"version": "", "min_version": ""}},
        {"version": {"version": "2.x", "min_version": "2.1"}},
    ],
)
def test_an_endpoint_without_microversions_is_no_nova(document: object) -> None:
    with pytest.raises(Permanent, match=r"is it Nova's v2\.1"):
        parse_offer(document)
