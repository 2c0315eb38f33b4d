"""Which microversion a call is pinned to, and clouds that do not offer it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.microversions import (
    SERVERS,
    SERVICES,
    UPDATE,
    Offer,
    Version,
    parse_offer,
)
from doctor_daemon.controllers.servers import HOST
from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent

UUID = "4f22b540-1c82-456c-b2f4-ba0d18d9a30f"
AT = Instant("boot", 1.0, 2.0)
SERVICE: Mapping[str, object] = {
    "binary": "nova-compute",
    "host": "cmp-1",
    "id": UUID,
    "zone": "nova",
    "status": "enabled",
    "state": "up",
    "updated_at": "2026-11-21T02:32:02.000000",
    "disabled_reason": None,
    "forced_down": False,
}
STUB = {"binary": "nova-compute", "host": "cmp-2", "status": "UNKNOWN"}
SERVER: Mapping[str, object] = {
    "id": "s1",
    "name": "vm-1",
    "status": "ACTIVE",
    "tenant_id": "p1",
    HOST: "cmp-1",
}


def _body(key: str, *rows: Mapping[str, object], **more: object) -> bytes:
    return json.dumps({key: rows, **more}).encode()


def _offer(low: str, high: str) -> Offer:
    return parse_offer({"version": {"id": "v2.1", "version": high, "min_version": low}})


@pytest.mark.parametrize(
    ("high", "chosen"), [("2.73", (2, 73)), ("2.90", (2, 90)), ("2.100", (2, 90)), ("2.9", None)]
)
def test_the_highest_of_both_is_chosen(high: str, chosen: tuple[int, int] | None) -> None:
    offer = _offer("2.1", high)
    if chosen is not None:
        assert offer.choose(SERVERS) == Version(*chosen)
        return
    with pytest.raises(Permanent, match=r"offers microversions 2\.1 to 2\.9; 2\.73 to 2\.90 is"):
        offer.choose(SERVERS)


def test_a_cloud_that_is_too_old_is_told_what_it_lacks() -> None:
    assert _offer("2.1", "2.104").missing() == []
    (missing,) = _offer("2.1", "2.72").missing()
    assert missing.endswith("2.1 to 2.72; 2.73 to 2.90 is needed (Nova 20, Train, or newer)")
    assert len(_offer("2.1", "2.52").missing()) == 5


def test_a_cloud_that_is_too_new_is_told_so_too() -> None:
    offer = _offer("2.80", "2.200")
    assert offer.choose(SERVERS) == Version(2, 90)
    for span in (SERVICES, UPDATE):
        with pytest.raises(Permanent, match=r"2\.80 to 2\.200"):
            offer.choose(span)


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
