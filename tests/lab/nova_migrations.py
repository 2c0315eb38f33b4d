"""The contract of Nova's list of migrations: rows, filters, pages, changes-since."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.lab.nova_target import (
    NovaTarget,
    ask,
    booted,
    ended,
    evacuate,
    fallen,
    migrations,
)

ROW = {
    *("id", "uuid", "instance_uuid", "migration_type", "status", "created_at", "updated_at"),
    *("source_compute", "source_node", "dest_compute", "dest_node", "dest_host"),
    *("old_instance_type_id", "new_instance_type_id"),
}
NOWHERE = "00000000-0000-4000-8000-000000000000"


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class NovaMigrations:
    async def test_migration_rows_filters_and_pages(self, target: NovaTarget) -> None:
        source = target.hosts[0]
        async with booted(target, source, source, source) as servers, fallen(target, source):
            await asyncio.sleep(1.1)
            since = now()
            async with target.nothing_scheduled():
                for server in servers:
                    assert (await evacuate(target, server)).status == 200
                rows = await migrations(target, f"source_compute={source}&status=accepted")
                assert [row["instance_uuid"] for row in rows] == servers[::-1]
                for row in rows:
                    assert row.keys() == ROW
                    assert (row["dest_compute"], row["dest_host"]) == (None, None)
                    assert (row["updated_at"], row["migration_type"]) == (None, "evacuation")
                    assert row["source_compute"] == row["source_node"] == source
                assert await migrations(target, f"changes-since={since}") == []
            done = await ended(target, *servers)
            assert {row["status"] for row in done.values()} == {"done"}
            assert all(row["dest_node"] == row["dest_compute"] for row in done.values())
            changed = await migrations(target, f"changes-since={since}")
            assert [row["instance_uuid"] for row in changed] == servers[::-1]
            for query, expected in (
                (f"source_compute={source.upper()}", True),
                (f"source_compute={target.hosts[1]}", False),
                (f"instance_uuid={servers[0]}", True),
                (f"source_compute={source}&status=error", False),
                (f"changes-since={since}&source_compute={source}", True),
            ):
                found = [row["instance_uuid"] for row in await migrations(target, query)]
                assert (servers[0] in found) == expected, query
            await self._pages(target, f"source_compute={source}&changes-since={since}", servers)

    async def _pages(self, target: NovaTarget, query: str, servers: list[str]) -> None:
        found: list[str] = []
        path: str | None = f"/os-migrations?limit=1&{query}"
        while path is not None:
            reply = await ask(target, "GET", path, "2.59")
            page = reply.body["migrations"]
            found += [row["instance_uuid"] for row in page]
            links = reply.body.get("migrations_links", [])
            assert [link["rel"] for link in links] == ["next"] * len(page)
            path = links[0]["href"].removeprefix(target.url) if links else None
            assert path is None or f"marker={page[-1]['uuid']}" in path
        assert found == servers[::-1]

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("bogus=1", "Additional properties are not allowed ('bogus' was unexpected)"),
            ("user_id=x", "Additional properties are not allowed ('user_id' was unexpected)"),
            ("limit=x", "Value: x. 'x' does not match '^[0-9]*$'"),
            ("changes-since=garbage", "'garbage' is not a 'date-time'"),
            (f"marker={NOWHERE}", f"Marker {NOWHERE} could not be found."),
        ],
    )
    async def test_wrong_migration_queries(
        self, target: NovaTarget, query: str, message: str
    ) -> None:
        reply = await ask(target, "GET", f"/os-migrations?{query}", "2.59")
        assert reply.status == 400
        assert message in reply.message
