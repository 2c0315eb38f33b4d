"""E5, as a process: one source floods with all it has, and another's word is heard all the same."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiohttp import ClientSession

from doctor_daemon.engine.lanes import UNDER_WAY_MAX, WAITING_MAX
from tests.slice.process import daemon
from tests.slice.site import Json, Site, secret, site
from tests.slice.test_reload import Config

FIRST, SECOND, THIRD = "compute-1", "compute-2", "compute-3"
TOKEN = "a-token-of-a-script-that-has-gone-mad"
AT_ONCE, STATEMENTS = 24, 500


def script() -> Config:
    return {
        "name": "script",
        "type": "evidence",
        "kind": "script",
        "trust": "second",
        "limits": {"rate_per_s": 1000, "burst": 1000},
        "auth": {"token_file": "token"},
    }


@dataclass
class Flood:
    """A source that sends thousands of statements a second, each of them a new one."""

    place: Site
    numbers: count[int] = field(default_factory=count)
    accepted: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def body(self) -> tuple[list[str], Json]:
        said, now = [f"n{next(self.numbers)}" for _ in range(STATEMENTS)], datetime.now(UTC)
        return said, {
            "evidence": [
                {
                    "host": (FIRST, SECOND, THIRD)[number % 3],
                    "verdict": "withdrawn",
                    "kind": "script",
                    "id": id_,
                    "fingerprint": f"disk-{number % 50}",
                    "observed_at": now.isoformat(),
                    "summary": "a disk complains no more",
                }
                for number, id_ in enumerate(said)
            ]
        }

    async def run(self) -> None:
        """Send until cancelled."""
        async with (
            ClientSession(headers={"X-Auth-Token": TOKEN}) as session,
            asyncio.TaskGroup() as all_,
        ):
            for _ in range(AT_ONCE):
                all_.create_task(self._one(session))

    async def _one(self, session: ClientSession) -> None:
        url = f"http://127.0.0.1:{self.place.evidence_port}/v1/evidence"
        while True:
            said, body = self.body()
            async with session.post(url, json=body) as answer:
                if answer.status == 200:
                    self.accepted += said
                else:
                    assert answer.status in {429, 503}, await answer.text()
                    assert int(answer.headers["Retry-After"]) >= 1
                    assert (await answer.json())["error"]["message"]
                    self.refused.append(answer.status)
                    await asyncio.sleep(0.05)


async def bounds(place: Site) -> tuple[float, float, float]:
    """Return how much of the flood waits, is under way, and comes in."""
    names = ("evidence_waiting", "evidence_under_way", "intake_requests")
    waiting, under_way, requests = [
        await place.metric(f'doctor_{name}{{source="script"}}') for name in names
    ]
    return waiting, under_way, requests


async def test_e5_i20_a_flood_is_bounded_and_another_source_is_heard(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        secret(tmp_path / "token", TOKEN)
        place.changes = {"sources": [*place._options()["sources"], script()]}  # noqa: SLF001 - the file
        async with daemon(place) as process:
            flood = Flood(place)
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(flood.run())
                while not flood.accepted:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.01)
                before = len(flood.accepted)
                assert (await place.monitor.send(FIRST))[0] == 200
                assert (await place.ask("GET", f"/v1/hosts/{FIRST}"))["incident"] is not None
                heard = len(flood.accepted) - before
                seen = [await bounds(place) for _ in range(10)]
                while not flood.refused:
                    seen.append(await bounds(place))
                running.cancel()
            assert process.returncode is None
    assert heard <= 2 * WAITING_MAX
    limits = (WAITING_MAX, UNDER_WAY_MAX, AT_ONCE)
    assert all(one <= most for found in seen for one, most in zip(found, limits, strict=True))
    assert max(under_way for _, under_way, _ in seen) > 0
    assert len(flood.accepted) > STATEMENTS
    with closing(sqlite3.connect(tmp_path / "state" / "state.sqlite3")) as state:
        rows = state.execute("SELECT count(*) FROM evidence_keys WHERE source = 'script'")
        assert rows.fetchone()[0] >= len(flood.accepted), "what was answered 200 is saved"
