"""The contract of Cinder's log levels."""

from __future__ import annotations

import asyncio

from tests.lab.cinder_target import ALPHA, VOLUME, CinderTarget, Json, put

LOGGER = "cinder.volume.manager"


class CinderLogs:
    async def test_log_levels_are_read_and_set(self, target: CinderTarget) -> None:
        which = {"binary": VOLUME, "server": ALPHA, "prefix": LOGGER}
        everywhere = {"binary": "*", "server": "", "prefix": "cinder"}
        before = await put(target, "get-log", which, "3.32")
        assert before.body == {
            "log_levels": [{"host": ALPHA, "binary": VOLUME, "levels": {LOGGER: "INFO"}}]
        }
        assert (await put(target, "set-log", {**which, "level": "debug"}, "3.32")).status == 202
        await self._reads(target, which, "DEBUG")
        assert (await put(target, "set-log", {**everywhere, "level": "INFO"}, "3.32")).status == 202
        await self._reads(target, which, "INFO")
        loud = await put(target, "set-log", {**which, "level": "LOUD"}, "3.32")
        assert (loud.status, loud.message) == (
            400,
            "Invalid input received: LOUD is not a valid log level.",
        )

    async def test_log_levels_need_3_32(self, target: CinderTarget) -> None:
        for word in ("get-log", "set-log"):
            reply = await put(target, word, {"binary": VOLUME, "level": "INFO"}, "3.31")
            assert reply.status == 404

    async def _reads(self, target: CinderTarget, which: Json, level: str) -> None:
        """Wait until a level is read: it is set by a message that nobody waits for."""
        async with asyncio.timeout(10):
            while True:
                (one,) = (await put(target, "get-log", which, "3.32")).body["log_levels"]
                if one["levels"] == {LOGGER: level}:
                    return
                await asyncio.sleep(0.05)
