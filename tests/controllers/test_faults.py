"""The table of faults is the same on a machine that has no time."""

from __future__ import annotations

from doctor_daemon.lab.faults import Service
from tests.controllers.faults import FAULTS, LONG_S, SHORT_S, Asked, Fault, row_of

ONE = Asked(Service.NOVA, "GET", "/servers", 0)
EXPECTED = {str(ONE): dict.fromkeys(FAULTS, "no answer")}


async def test_what_only_a_busy_machine_has_spoilt_is_asked_again_with_more_time() -> None:
    limits_s: dict[bool, list[float]] = {True: [], False: []}

    async def told(_: Asked, fault: Fault) -> str:
        limits_s[fault.slow].append(fault.limit_s)
        return "not even a token" if fault.limit_s in {SHORT_S, LONG_S} else "no answer"

    assert await row_of([ONE], told, EXPECTED) == EXPECTED
    assert sorted(limits_s[True]) == [SHORT_S] * 3 + [5 * SHORT_S] * 3
    quick = len(FAULTS) - 3
    assert sorted(limits_s[False]) == [LONG_S] * quick + [5 * LONG_S] * quick


async def test_what_is_wrong_is_so_however_long_it_may_take() -> None:
    async def told(_: Asked, fault: Fault) -> str:
        return "done twice" if fault.lost else "no answer"

    found = await row_of([ONE], told, EXPECTED)
    assert {name for name, text in found[str(ONE)].items() if text == "done twice"} == {
        "time-out after effect",
        "reset",
    }
