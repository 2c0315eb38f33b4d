"""Incidents that are over, of exactly as many bytes as etcd's past takes, and of one more."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import pytest

from doctor_daemon.core.incident import IncidentId
from doctor_daemon.core.phases import Phase
from doctor_daemon.stores.etcd_endings import SIZE_MAX
from doctor_daemon.stores.etcd_past import over
from tests.stores.test_etcd_disk import LATER_S, Disk, commit, pass_by, same
from tests.stores.test_etcd_endings import moved
from tests.stores.values import at, head_of, opening, step

NOISE = 100_000
"""Characters of which less than one in five hundred can be spared."""


@cache
def noise(id_: str) -> str:
    return Random(id_).randbytes(NOISE // 2).hex()


def padded(disk: Disk, id_: str, pad: int, salt: int = 0) -> int:
    """Have one that is over, whose last line is so long; return the bytes of its value."""
    begun = opening(id_, id_)
    commit(disk, begun)
    noted = head_of(begun).note(at(0), noise(id_))
    commit(disk, step(head_of(begun), noted))
    ended = replace(noted, version=2).move(Phase.DISMISSED, at(0), f"{salt:3}{'x' * pad}")
    commit(disk, step(replace(noted, version=2), ended))
    saved = disk.held.contents.saved(IncidentId(id_))
    assert saved is not None
    return len(over(saved, disk.held.books.incidents[IncidentId(id_)].order, ()).value())


def sized(size: int) -> Disk:
    """Have one that is over, of exactly so many bytes.

    A letter more is mostly a byte more, but not where it makes something else pack better.
    """
    pad = size - NOISE
    for salt in range(100):
        disk = Disk()
        found = padded(disk, "one", pad, salt)
        if found == size:
            return disk
        pad += size - found
    raise AssertionError(f"none has {size} bytes")


@pytest.mark.parametrize(("more", "gone"), [(0, [1]), (1, [])])
async def test_one_goes_that_has_as_many_bytes_as_may_go_at_once(
    more: int, gone: list[int]
) -> None:
    disk = sized(SIZE_MAX + more)
    pass_by(disk, LATER_S)
    assert moved(disk) == gone
    await same(disk)


@pytest.mark.parametrize(("more", "gone"), [(0, [2]), (1, [1, 1])])
async def test_two_go_together_that_have_as_many_bytes_as_may_go_at_once(
    more: int, gone: list[int]
) -> None:
    first = padded(Disk(), "two", 1)
    disk = sized(SIZE_MAX + more - first)
    assert padded(disk, "two", 1) == first
    pass_by(disk, LATER_S)
    assert moved(disk) == gone
    await same(disk)
