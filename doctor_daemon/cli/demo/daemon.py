"""The real daemon: `doctor-daemon run` as a process of its own, and the commands typed to it.

A session of its own keeps a Ctrl-C in the terminal from it: whoever started it ends it, by its
process, and waits for it.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass

from aiohttp import ClientError, ClientSession, ClientTimeout

from doctor_daemon.cli.demo.stage import Stage

BEGIN_TRIES = 3
START_S = 40.0
LOOK_S = 0.05
STOP_S = 15.0
COMMAND_S = 30.0
OK = 200
PROGRAM = (sys.executable, "-m", "doctor_daemon.cli.main")
TAIL = 2000
_NOTHING = asyncio.subprocess.DEVNULL
_PIPE = asyncio.subprocess.PIPE


class Broken(Exception):
    """The daemon, or a command to it, did not do what the demonstration needs; the text says it."""


@dataclass(slots=True)
class Daemon:
    """One daemon after the other, on one stage."""

    stage: Stage
    _process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its process; 0: there is none."""
        return self._process.pid if self._process else 0

    async def begin(self) -> None:
        """Configure it and start it, on other ports where those were taken meanwhile.

        Raise Broken.
        """
        for _ in range(BEGIN_TRIES - 1):
            self.stage.write()
            try:
                return await self.start()
            except Broken:
                if self._process is None or self._process.returncode is None:
                    raise
        self.stage.write()
        return await self.start()

    async def start(self) -> None:
        """Start it, and wait until its doors are open. Raise Broken."""
        with self.stage.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(*PROGRAM, "run", "--config", str(self.stage.config)),
                stdin=_NOTHING,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        async with ClientSession(timeout=ClientTimeout(total=2.0)) as session:
            for _ in range(int(START_S / LOOK_S)):
                if self._process.returncode is not None:
                    break
                if await self._is_ready(session):
                    return
                await asyncio.sleep(LOOK_S)
        raise Broken(f"the daemon is not ready; its log ends:\n{self.last_words()}")

    async def _is_ready(self, session: ClientSession) -> bool:
        try:
            async with session.get(self.stage.ready_url) as answer:
                return answer.status == OK
        except (ClientError, TimeoutError):
            return False

    async def kill(self) -> None:
        """End it as a loss of power would: SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def stop(self) -> None:
        """End it as systemd does, if it runs; and if it does not end, kill it."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                pass
            finally:
                await self.kill()

    async def command(self, verb: str, *words: str) -> None:
        """Type a command to it. Raise Broken, with what it answered."""
        process = await asyncio.create_subprocess_exec(
            *(*PROGRAM, verb, "--socket", str(self.stage.socket), *words),
            stdin=_NOTHING,
            stdout=_PIPE,
            stderr=_PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(COMMAND_S):
                _, wrong = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Broken(f"doctor-daemon {verb}: {wrong.decode(errors='replace').strip()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.stage.log.read_text(errors="replace")[-TAIL:]
