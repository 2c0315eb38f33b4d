"""How a look through a database is ended, and who is told of what it has found."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.stores.soundness import AT_ONCE_BYTES, Check
from tests.stores.test_soundness import ENDLESS, LIMIT_S, SOON_S, Begun

BAD = Permanent("page 7 is bad")


class Look:
    """A look that waits until it may go on, and then finds something."""

    def __init__(self, fault: Exception | None = None, *, waits: bool = True) -> None:
        self.begun, self.goes_on = Event(), Event()
        self.looks, self.stopped = 0, ""
        self._fault = fault
        if not waits:
            self.goes_on.set()

    def __call__(self, reading: Begun) -> None:
        self.looks += 1
        self.begun.set()
        assert self.goes_on.wait(LIMIT_S)
        try:
            with closing(sqlite3.connect(":memory:")) as connection:
                reading(connection)
        except Temporary as error:
            self.stopped = str(error)
            raise
        if self._fault is not None:
            raise self._fault


def heard(check: Check) -> list[Exception | None]:
    """Return what a check tells."""
    told: list[Exception | None] = []
    check.told = told.append
    return told


async def begin(check: Check, size: int = 1, *, whole: bool = False) -> None:
    await asyncio.to_thread(lambda: check.begin(size, whole=whole))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [1, AT_ONCE_BYTES])
async def test_what_is_known_at_the_start_is_raised_there_and_told_nobody(
    size: int,
    whole: bool,  # noqa: FBT001 - a case
) -> None:
    look = Look(BAD, waits=False)
    check = Check(look, LIMIT_S)
    told = heard(check)
    with pytest.raises(Permanent, match="page 7") as found:
        await begin(check, size, whole=whole)
    assert found.value is not BAD  # each who hears of it raises one of his own
    async with asyncio.timeout(LIMIT_S):
        await check.over.wait()
    await asyncio.sleep(0)
    assert (told, check.sound, look.looks) == ([], False, 1)


async def test_what_is_sound_at_the_start_is_told_nobody() -> None:
    check = Check(Look(waits=False), LIMIT_S)
    told = heard(check)
    await begin(check)
    async with asyncio.timeout(LIMIT_S):
        await check.ended()
    assert (told, check.sound) == ([], True)


@pytest.mark.parametrize("fault", [None, BAD])
async def test_what_is_found_after_the_start_is_told_once(fault: Exception | None) -> None:
    look = Look(fault)
    check = Check(look, 0.01)
    told = heard(check)
    await begin(check)
    assert not check.sound
    look.goes_on.set()
    async with asyncio.timeout(LIMIT_S):
        await check.over.wait()
    assert (told, check.sound) == ([fault], fault is None)
    if fault is not None:
        with pytest.raises(Permanent, match="page 7"):
            await check.ended()
    assert look.looks == 1


async def test_one_that_is_to_be_done_with_is_waited_for_however_long_it_takes() -> None:
    look = Look()
    check = Check(look, 0.01)
    beginning = asyncio.create_task(begin(check, AT_ONCE_BYTES + 1, whole=True))
    assert await asyncio.to_thread(look.begun.wait, LIMIT_S)
    assert not (await asyncio.wait((beginning,), timeout=SOON_S))[0]
    look.goes_on.set()
    async with asyncio.timeout(LIMIT_S):
        await beginning


async def test_one_that_is_stopped_before_it_reads_does_not_begin_to() -> None:
    look = Look()
    check = Check(look, 0.01)
    told = heard(check)
    await begin(check)
    assert await asyncio.to_thread(look.begun.wait, LIMIT_S)
    check.interrupt()
    look.goes_on.set()
    async with asyncio.timeout(LIMIT_S):
        await check.stop(LIMIT_S)
        await check.over.wait()
    assert (look.stopped, told, check.sound) == ("nobody waits for it any more", [], False)


async def test_one_that_reads_is_interrupted_and_waited_for(tmp_path: Path) -> None:
    reads = Event()

    def endless(reading: Callable[[sqlite3.Connection], None]) -> None:
        with closing(sqlite3.connect(tmp_path / "any.sqlite3")) as connection:
            reading(connection)
            reads.set()
            connection.execute(ENDLESS)

    check = Check(endless, 0.01)
    told = heard(check)
    await begin(check)
    assert await asyncio.to_thread(reads.wait, LIMIT_S)
    async with asyncio.timeout(LIMIT_S):
        await check.stop(2 * LIMIT_S)
    assert check.over.is_set()
    assert (told, check.sound) == ([], False)
    await check.stop(0)  # once more: there is nothing to be interrupted any more
