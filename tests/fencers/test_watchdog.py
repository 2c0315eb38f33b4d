"""The host's own watchdog as a power device: what it reads, and when it may be believed."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.engine.callers import WRONG_MAX
from doctor_daemon.engine.lifeline_door import BUFFER_BYTES
from doctor_daemon.engine.lifelines import SETTLED_S
from doctor_daemon.errors import LateError, Temporary
from doctor_daemon.fencers.watchdog import Watchdog
from doctor_daemon.heartbeat.lifeline import FED
from tests.fencers.dogs import OFF_S, Rig, cut, heard
from tests.heartbeat.lifelines import HOST, UUID, listening

LARGE = 60_000


def flood(rig: Rig) -> None:
    """Send more than there is room for."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for _ in range(4 * BUFFER_BYTES // LARGE):
            made.sendto(bytes(LARGE), ("127.0.0.1", rig.made.port))


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with heard(tmp_path) as made:
        yield made


async def test_b5_it_says_which_machines_watchdog_it_is(rig: Rig) -> None:
    identity = await rig.device.identify()
    assert (identity.uuid, identity.model) == (UUID, "iron dog")
    await cut(rig)
    assert (await rig.device.identify()).uuid == UUID


async def test_b1_it_is_on_then_unknown_and_off_only_after_the_computed_time(rig: Rig) -> None:
    assert await rig.power() is Power.ON
    await cut(rig)
    assert await rig.power() is Power.UNKNOWN
    rig.clock.move(OFF_S - 0.1)
    assert await rig.power() is Power.UNKNOWN
    rig.clock.move(0.2)
    reading = await rig.device.read()
    assert reading.power is Power.OFF
    assert reading.raw == "its boot has ended: not acknowledged for 514 s"


async def test_i6_silence_alone_is_unknown(rig: Rig) -> None:
    rig.clock.move(10 * OFF_S)
    assert await rig.power() is Power.UNKNOWN


async def test_b9_a_host_that_boots_again_is_on_and_never_off_again(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    assert await rig.power() is Power.OFF
    rig.boots()
    assert rig.asks(0) == 0
    assert rig.asks(0) is None
    assert await rig.power() is Power.ON
    rig.clock.move(2 * OFF_S)
    assert await rig.power() is Power.UNKNOWN
    outcome, text = await rig.device.cut(rig.permit())
    assert (outcome, "another boot" in text or "too long ago" in text) == (Outcome.UNSENT, True)


async def test_b9_a_boot_that_does_not_hear_us_is_heard_and_not_off(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    assert await rig.power() is Power.OFF
    rig.boots()
    for _ in range(5):
        assert rig.asks(0) == 0
        rig.misses_the_answer()
        assert await rig.power() is Power.UNKNOWN, "it may be a record, and it may be a host"
        rig.clock.move(5)
    rig.clock.move(SETTLED_S)
    assert await rig.power() is Power.OFF


async def test_b1_a_watchdog_that_does_not_fire_is_found_out(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    assert rig.asks() is None
    assert await rig.power() is Power.ON


@pytest.mark.parametrize(
    ("before", "word"),
    [
        (lambda rig: rig.asks(0), "not armed"),
        (lambda rig: rig.asks(lease_s=600), "expected 300 s"),
        (lambda rig: rig.clock.move(301), "was heard of the host's watchdog for 301 s"),
        (lambda rig: rig.incidents.clear(), "no incident"),
    ],
)
async def test_i6_what_cannot_be_counted_on_is_not_cut(
    rig: Rig, before: Callable[[Rig], object], word: str
) -> None:
    before(rig)
    outcome, text = await rig.device.cut(rig.permit())
    assert outcome is Outcome.UNSENT
    assert word in text
    assert rig.asks() == FED


async def test_b17_what_cannot_be_counted_on_is_no_ready_device(rig: Rig) -> None:
    rig.asks(0)
    with pytest.raises(Temporary, match="not armed"):
        await rig.device.identify()
    rig.device.lifeline = None
    with pytest.raises(Temporary, match="only the running daemon"):
        await rig.device.identify()
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNSENT


async def test_it_cuts_nothing_without_a_valid_permit(rig: Rig) -> None:
    with pytest.raises(LateError):
        await rig.device.cut(rig.permit(-0.1))
    assert rig.asks() == FED


async def test_i11_what_is_withheld_is_on_the_disk_before_it_is_accepted(rig: Rig) -> None:
    await cut(rig)
    assert rig.asks() is None
    kept = json.loads((rig.folder / "watchdogs.json").read_text())
    assert kept["holds"][HOST]["incident"] == "incident-1"


async def test_d9_where_it_cannot_be_saved_nothing_is_withheld(rig: Rig) -> None:
    (rig.folder / "watchdogs.json.new").mkdir()
    outcome, text = await rig.device.cut(rig.permit())
    assert outcome is Outcome.UNSENT
    assert "watchdogs.json" in text
    assert rig.asks() == FED


async def test_i11_a_restarted_daemon_goes_on_counting_and_waits_for_who_may_be_on(
    rig: Rig,
) -> None:
    await cut(rig)
    rig.clock.move(OFF_S - SETTLED_S + 1)
    again = rig.daemon()
    device = rig.of(again)
    assert (await device.read()).power is Power.UNKNOWN, "it does not listen yet"
    async with listening(again):
        assert (await device.read()).power is Power.UNKNOWN, "who is on was not heard yet"
        rig.clock.move(SETTLED_S)
        assert (await device.read()).power is Power.OFF
        assert (await device.identify()).uuid == UUID


async def test_i6_a_lost_or_damaged_file_proves_nothing(rig: Rig) -> None:
    await cut(rig)
    (rig.folder / "watchdogs.json").write_text("{")
    rig.clock.move(OFF_S)
    again = rig.daemon()
    device = rig.of(again)
    async with listening(again):
        rig.clock.move(SETTLED_S)
        assert (await device.read()).power is Power.UNKNOWN
        assert (await device.cut(rig.permit()))[0] is Outcome.UNSENT


async def test_another_incident_begins_with_nothing_of_the_one_before(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    rig.incidents[HOST] = "incident-2"
    assert await rig.power() is Power.UNKNOWN
    assert (await rig.device.cut(rig.permit()))[0] is Outcome.UNSENT


async def test_a_cut_may_be_repeated_and_then_grows_too_old(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 10)
    await cut(rig)
    assert await rig.power() is Power.OFF
    rig.clock.move(300)
    outcome, text = await rig.device.cut(rig.permit())
    assert outcome is Outcome.UNSENT
    assert "too long ago" in text


async def test_it_switches_nothing_on(rig: Rig) -> None:
    outcome, text = await rig.device.switch_on(rig.permit())
    assert (outcome, text) == (Outcome.REFUSED, "a watchdog switches nothing on")


def test_the_operator_has_to_say_that_boots_start_no_guests() -> None:
    with pytest.raises(ValidationError, match="boots_guests"):
        Watchdog.Config.model_validate({})
    with pytest.raises(ValidationError, match="never"):
        Watchdog.Config.model_validate({"boots_guests": "sometimes"})


async def test_e2_a_second_agent_of_the_same_boot_is_counted(rig: Rig) -> None:
    rig.says_again(1000)
    assert rig.asks() == FED
    rig.says_again(-1000)
    assert [rig.asks() for _ in range(3)] == [None] * 3
    assert rig.rejected("replayed") == 3


async def test_a1_silence_means_nothing_where_the_kernel_has_dropped_what_was_said(
    rig: Rig,
) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    assert await rig.power() is Power.OFF
    flood(rig)
    assert await rig.power() is Power.UNKNOWN
    assert rig.rejected("dropped")
    assert rig.asks() is None
    assert await rig.power() is Power.ON, "what was heard was heard"


async def test_a1_after_a_flood_it_is_off_again_once_it_would_have_been_heard(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    flood(rig)
    assert await rig.power() is Power.UNKNOWN
    rig.clock.move(SETTLED_S)
    assert await rig.power() is Power.OFF


async def test_a1_silence_means_nothing_where_a_flood_had_the_host_ignored(rig: Rig) -> None:
    await cut(rig)
    rig.clock.move(OFF_S + 1)
    for _ in range(WRONG_MAX):
        rig.made.take(b"forged", "192.0.2.7", crowded=True)
    assert rig.asks(sender="192.0.2.7", crowded=True) is None
    assert rig.rejected("flood") == 1
    assert await rig.power() is Power.UNKNOWN
    rig.clock.move(SETTLED_S)
    assert await rig.power() is Power.OFF
