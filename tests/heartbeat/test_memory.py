"""The listener's memory as a file: whatever stands in it, the listener begins, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from doctor_daemon.heartbeat.memory import keep, recall
from doctor_daemon.heartbeat.roll import HOSTS_MAX, OURS, Listed, Roll
from doctor_daemon.heartbeat.wire import NAME_MAX
from doctor_daemon.inspectors.listening import listening
from tests.heartbeat.process import orders


def memory(*intervals: str) -> str:
    """Write a memory of hosts with these intervals."""
    begin = '["636d702d31","ddh1",7,100,1800000000000,12345,'
    rows = ",".join(f"{begin}{interval},1.5]" for interval in intervals)
    return f'{{"version":1,"boot":"b","hosts":[{rows}]}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 100_000,
        memory("1e999"),
        memory("200", "0"),
        memory("9" * 5000),
    ],
)
def test_a_damaged_memory_is_left_out_whole_and_told(tmp_path: Path, text: str) -> None:
    path, roll = tmp_path / "memory", Roll()
    path.write_text(text, encoding="utf-8")
    assert "damaged; it is left out" in recall(path, roll, "b", 1000.0)
    assert len(roll) == 0


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    path, roll, again = tmp_path / "memory", Roll(), Roll()
    path.write_text(memory("200"), encoding="utf-8")
    assert recall(path, roll, "b", 1000.0) == ""
    assert keep(path, roll, "b", 1001.0) == ""
    assert recall(path, again, "b", 1002.0) == ""
    assert [host.sequence for host in again.every()] == [100]


async def test_i20_it_begins_with_as_many_hosts_as_there_may_be(tmp_path: Path) -> None:
    path, roll = tmp_path / "memory", Roll()
    for number in range(HOSTS_MAX):
        host = Listed(str(number).zfill(NAME_MAX).encode(), OURS, 1000)
        host.boot, host.sequence = 7, 1
        roll.add(host)
    assert keep(path, roll, "b", 1000.0) == ""
    async with listening(orders(memory=path)) as ear:
        assert (await ear.hear())["remembered"] == HOSTS_MAX
