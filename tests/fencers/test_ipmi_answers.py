"""What ipmitool prints, whatever it is: read, or refused, and never for longer than it takes."""

from __future__ import annotations

import pytest

from doctor_daemon.core.instant import Instant
from doctor_daemon.errors import Permanent
from doctor_daemon.fencers.agent_program import Ran
from doctor_daemon.fencers.ipmi_answers import fru_of, guid_of, says_guid
from doctor_daemon.fencers.ipmitool import Said
from doctor_daemon.ports.program import KEPT_MAX, Ended

AT = Instant("boot", 1.0, 1.0)
GUID = bytes(range(16))


@pytest.mark.parametrize("between", ["\u00a0", "\u2003", "\x1e", "\x85"])
def test_a_guid_has_plain_blanks_between_its_bytes(between: str) -> None:
    said = Said(between.join(f"{byte:02x}" for byte in GUID), "")
    assert not says_guid(said)
    with pytest.raises(Permanent, match="it says no GUID"):
        guid_of(said)


@pytest.mark.parametrize("around", ["", " ", "\n", "\u00a0"])
def test_what_is_around_a_guid_does_not_matter(around: str) -> None:
    text = " ".join(f"{byte:02x}" for byte in GUID)
    assert guid_of(Said(f"{around}{text}{around}", "")) == GUID


def test_an_inventory_is_read_field_by_field() -> None:
    text = (
        " Chassis Type          : Rack\n Product Serial : SN: 1 \n"
        "Board  Mfg:x\nNo  colon\nA : 1\nA : 2"
    )
    assert fru_of(Said(text, "")) == {
        "Chassis Type": "Rack",
        "Product Serial": "SN: 1",
    }


@pytest.mark.parametrize("unit", [" ", "a", "a ", "a : b\n", "a b  "])
def test_b16_an_inventory_as_large_as_is_kept_is_read_at_once(unit: str) -> None:
    """By the time-out of the test: what was quadratic took minutes, on the event loop."""
    text = unit * (KEPT_MAX // len(unit))
    assert fru_of(Said(text, "")) in ({}, {"a": "b"})


def test_b16_a_list_of_plugs_as_large_as_is_kept_is_read_at_once() -> None:
    """As above."""
    text = "".join(f"{number},a\n" for number in range(KEPT_MAX // 8))
    assert len(Ran(Ended(0, text, ""), AT, AT).plugs()) == KEPT_MAX // 8
