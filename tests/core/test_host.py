"""Hosts, modes and topologies."""

import pytest

from doctor_daemon.core.host import HostId, Level, Mode
from tests.core.make import BMC, MANUAL, PDU, level, plan


def test_a_host_is_called_by_its_name_and_by_its_cloud_where_there_are_several() -> None:
    assert str(HostId("default", "cmp-1")) == "cmp-1"
    assert str(HostId("east", "cmp-1")) == "east/cmp-1"


def test_each_mode_includes_those_before_it() -> None:
    assert sorted(Mode) == [Mode.OBSERVE, Mode.NOTIFY, Mode.FENCE, Mode.EVACUATE]


@pytest.mark.parametrize(
    ("number", "found"),
    [(-1, None), (0, None), (1, level(BMC)), (2, level(PDU)), (3, MANUAL), (4, None)],
)
def test_levels_are_counted_from_one(number: int, found: Level | None) -> None:
    assert plan(level(BMC), level(PDU), MANUAL).level(number) == found


def test_a_level_without_a_device_is_manual() -> None:
    assert MANUAL.manual
    assert not level(BMC).manual
