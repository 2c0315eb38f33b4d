"""A program that is kept running, as systemd would, and is killed, stopped and begun by its id."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.standstill import stand_still

AGAIN_S = 1.0
"""From an end that nobody asked for to the next beginning."""
STOP_S, LOOK_S = 30.0, 0.05


class Program:
    """One program. Its output goes to one file, process after process.

    A process is begun in one step, so that no cancellation leaves one behind that nobody knows of.
    """

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self.ends: list[int] = []
        """The statuses with which it ended by itself."""
        self.log = log
        self._argv = argv
        self._process: subprocess.Popen[bytes] | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process while one runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Begin it, unless it is kept running already."""
        if self._keeping is None:
            self._begin()
            self._keeping = asyncio.create_task(self._keep())

    def kill(self) -> None:
        """End it at once, as when its machine loses power; it stays so."""
        self._let_go()
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_S)

    async def stop(self) -> None:
        """Ask it to end, as systemd does, and kill it if it does not."""
        self._let_go()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await self._ended(self._process)
        self.kill()

    def stand_still(self) -> None:
        """Stop it, if it runs. It may end at this very moment."""
        while self.pid is not None:
            try:
                stand_still(self.pid)
            except FileNotFoundError:
                continue  # one of its threads has ended
            except AssertionError:
                if self.pid is not None:
                    raise
            return

    def go_on(self) -> None:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)

    def _begin(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # ^C is for us: we end it by its id
            )

    async def _keep(self) -> None:
        while self._process is not None:
            self.ends.append(await self._ended(self._process))
            await asyncio.sleep(AGAIN_S)
            self._begin()

    async def _ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for its end; return its status."""
        while (status := process.poll()) is None:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(LOOK_S)
        return status

    def _let_go(self) -> None:
        """Keep it running no more."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()


@contextmanager
def kept(program: Program) -> Iterator[Program]:
    """Have it killed at the end, whatever happens."""
    try:
        yield program
    finally:
        program.kill()
