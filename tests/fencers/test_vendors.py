"""Vendors' quirks as data: they make the daemon more careful, and never less."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from doctor_daemon.core.proof import Power
from doctor_daemon.core.tries import Outcome
from doctor_daemon.fencers.redfish import RedfishConfig
from doctor_daemon.fencers.vendors import NAMES, STRICT, VENDORS, Vendor, named, vendor_of
from tests.fakes import peer
from tests.fakes.clock import BootClock, HandClock
from tests.fakes.peer import Peer, telling
from tests.fencers.systems import PATH, cutting, permit, redfish, system


@pytest.mark.parametrize(
    ("manufacturer", "model", "name"),
    [
        ("Dell Inc.", "PowerEdge R640", "idrac"),
        ("HPE", "ProLiant DL380 Gen10", "ilo"),
        ("Hewlett Packard Enterprise", "", "ilo"),
        ("Lenovo", "ThinkSystem SR650", "xclarity"),
        ("Supermicro", "SYS-1029P", "supermicro"),
        ("", "OpenBMC reference", "openbmc"),
        ("Somebody", "Else", "strict"),
        ("", "", "strict"),
    ],
)
def test_a_vendor_is_known_by_what_its_machine_says(
    manufacturer: str, model: str, name: str
) -> None:
    assert vendor_of(manufacturer, model).name == name


def test_every_row_can_be_configured_and_none_is_laxer_than_strict() -> None:
    words = get_args(RedfishConfig.model_fields["vendor"].annotation)
    assert sorted(words) == sorted(("auto", *NAMES))
    assert [named(name).name for name in NAMES] == list(NAMES)
    assert all(vendor.settle_s >= STRICT.settle_s == 0 for vendor in VENDORS)


@pytest.mark.parametrize("row", [one for one in VENDORS if one.off_already])
async def test_b8_a_vendors_refusal_when_it_is_off_already_leaves_it_to_the_readings(
    row: Vendor, tmp_path: Path
) -> None:
    shown = system("Off", Manufacturer=row.words[0].title())
    for status in row.off_already:
        async with (
            Peer(cutting(peer.answering(status, b"{}"), shown)) as bmc,
            redfish(bmc.origin + PATH, tmp_path) as device,
        ):
            outcome, _ = await device.cut(permit(BootClock(), 60))
            reading = await device.read()
        assert (outcome, reading.power) == (Outcome.REFUSED, Power.OFF)


@pytest.mark.parametrize(
    ("maker", "option", "early"),
    [
        ("OpenBMC", "auto", Power.UNKNOWN),
        ("OpenBMC", "strict", Power.OFF),
        ("Somebody", "openbmc", Power.UNKNOWN),
        ("Dell Inc.", "auto", Power.OFF),
    ],
)
async def test_b1_an_off_that_comes_too_soon_after_the_cut_is_unknown(
    maker: str, option: str, early: Power, tmp_path: Path
) -> None:
    clock = HandClock()
    answer = cutting(peer.answering(204), system("Off", Manufacturer=maker))
    async with (
        Peer(answer) as bmc,
        redfish(bmc.origin + PATH, tmp_path, clock, vendor=option) as device,
    ):
        assert (await device.read()).power is Power.OFF  # before any cut of ours
        await device.cut(permit(clock))
        assert (await device.read()).power is early
        clock.move(4.9)
        assert (await device.read()).power is early
        clock.move(0.1)
        assert (await device.read()).power is Power.OFF


async def test_b1_on_is_never_too_soon(tmp_path: Path) -> None:
    clock = HandClock()
    answer = cutting(peer.answering(202), system("On", Manufacturer="OpenBMC"))
    async with Peer(answer) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        assert (await device.cut(permit(clock)))[0] is Outcome.ACCEPTED
        assert (await device.read()).power is Power.ON


async def test_a_cut_that_was_not_sent_settles_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    shown = system("Off", Manufacturer="OpenBMC", Actions={})
    async with Peer(telling(shown)) as bmc, redfish(bmc.origin + PATH, tmp_path, clock) as device:
        assert (await device.cut(permit(clock)))[0] is Outcome.UNSENT
        assert (await device.read()).power is Power.OFF
