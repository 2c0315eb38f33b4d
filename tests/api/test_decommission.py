"""The order that cannot be taken back wants the host's name typed once more."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.desk import desk, refused

ORDER = "/v1/hosts/cmp-1/orders"
BODY = {"order": "decommission", "why": "scrapped", "host": "cmp-1"}


@pytest.mark.parametrize(
    ("body", "status", "field", "expected"),
    [
        ({**BODY, "host": "cmp-2"}, 422, "host", "cmp-1, typed out"),
        ({**BODY, "host": "CMP-1.example"}, 422, "host", "cmp-1, typed out"),
        ({"order": "decommission", "why": "scrapped"}, 422, "host", "cmp-1, typed out"),
        ({**BODY, "for_s": 60}, 422, "for_s", "order, why, host"),
        ({**BODY, "order": "release"}, 422, "host", "order, why, accept_stuck"),
    ],
)
async def test_what_is_half_or_wrong_is_refused(
    body: dict[str, Any], status: int, field: str, expected: str
) -> None:
    async with desk() as at:
        found, said = await refused(at, "POST", ORDER, body)
    assert (found, said["field"], said["expected"]) == (status, field, expected)


async def test_without_an_incident_nothing_is_known_to_be_off() -> None:
    async with desk() as at:
        status, said = await refused(at, "POST", ORDER, BODY)
    assert (status, said["message"]) == (409, "cmp-1 has no open incident")
