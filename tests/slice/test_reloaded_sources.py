"""SIGHUP: who is heard, by which keys and where is changed under a daemon that goes on (D4)."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from doctor_daemon.cli.demo.alerts import alert
from doctor_daemon.lab import certificates
from tests.slice.monitor import BEARER, BEGAN_S, Monitor
from tests.slice.process import daemon
from tests.slice.script import Scenes, Stories
from tests.slice.site import LIMIT_S, Site, free_port, secret, site
from tests.slice.test_reload import FIRST, Config, dumped, loaded, reload

SCRIPT = Stories()
UNDER_WAY = 'doctor_intake_requests{source="alerts"}'
OLD, SECOND = "/v1/alertmanager", "/v1/sources/second"
OTHER = "another-bearer-that-only-the-alertmanager-knows"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def source(name: str, path: str, bearer_file: str) -> Config:
    auth = {"bearer_file": bearer_file}
    return {"name": name, "type": "alertmanager", "trust": "second", "path": path, "auth": auth}


async def said(place: Site, path: str, bearer: str) -> int:
    """Have somebody take back what nobody has said; return the answer's status."""
    monitor = Monitor(f"http://127.0.0.1:{place.evidence_port}{path}")
    return (await monitor.send(FIRST, status="resolved", bearer=bearer))[0]


def request(bearer: str, port: int) -> tuple[bytes, bytes]:
    """Return a request's head and its body."""
    body = json.dumps(alert(FIRST, BEGAN_S, over=True)).encode()
    head = (
        f"POST {OLD} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {bearer}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode(), body


@asynccontextmanager
async def connected(
    port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(streams: Streams, *parts: bytes) -> int:
    """Send the rest of a request; return the status."""
    reader, writer = streams
    writer.write(b"".join(parts))
    async with asyncio.timeout(LIMIT_S):
        return int((await reader.readline()).split()[1])


@SCRIPT.story
async def d4_sources_come_and_go(folder: Path) -> None:
    async with site(folder) as place, daemon(place) as process:
        secret(folder / "other", OTHER)
        assert await said(place, SECOND, OTHER) == 404
        config = loaded(place)
        config["sources"].append(source("second", SECOND, "other"))
        await reload(place, process, dumped(config))
        assert await said(place, SECOND, OTHER) == 200
        assert await said(place, OLD, BEARER) == 200
        await place.logged("sources that are new: second")
        config["sources"][1]["auth"] = {"bearer_file": "bearer"}
        await reload(place, process, dumped(config))
        assert [await said(place, SECOND, one) for one in (OTHER, BEARER)] == [401, 200]
        await place.logged("source second is another")
        config["sources"] = config["sources"][1:]
        await reload(place, process, dumped(config))
        assert await said(place, OLD, BEARER) == 404
        assert await said(place, SECOND, BEARER) == 200
        await place.logged("sources that are not configured any more: alerts")


@SCRIPT.story
async def d4_what_cannot_be_had_changes_nothing(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        await _bad(folder, taken.getsockname()[1])


async def _bad(folder: Path, taken: int) -> None:
    async with site(folder) as place, daemon(place) as process:
        secret(folder / "other", OTHER)
        good = loaded(place)
        second = source("second", SECOND, "other")
        files = {"certificate_file": "none.pem", "key_file": "bearer"}
        bad: list[tuple[Config, str]] = [
            ({"sources": [*good["sources"], source("b", SECOND, "no-such-file")]}, "no-such-file"),
            ({"sources": [second], "listen": f"127.0.0.1:{taken}"}, "listened on"),
            ({"sources": [second], "tls": files}, "none.pem"),
        ]
        for changes, why in bad:
            await reload(place, process, dumped({**good, **changes}), "refused")
            await place.logged(why)
            assert await said(place, OLD, BEARER) == 200
            assert await said(place, SECOND, OTHER) == 404


@SCRIPT.story
async def d4_an_old_key_under_way(folder: Path) -> None:
    """The socket and the connections stay; the rules are the new ones for all of them."""
    async with site(folder) as place, daemon(place) as process:
        secret(folder / "other", OTHER)
        old, port = request(BEARER, place.evidence_port), place.evidence_port
        new = request(OTHER, port)
        async with (
            connected(port) as waiting,
            connected(port) as late,
            connected(port) as begun,
        ):
            begun[1].write(old[0] + old[1][:10])
            while await place.metric(UNDER_WAY) < 1:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
            config = loaded(place)
            config["sources"][0]["auth"] = {"bearer_file": "other"}
            await reload(place, process, dumped(config))
            assert await answer(waiting, *new) == 200
            assert await answer(late, *old) == 401
            assert await answer(begun, old[1][10:]) == 503


@SCRIPT.story
async def d4_another_address(folder: Path) -> None:
    async with site(folder) as place, daemon(place) as process:
        old, place.evidence_port = place.evidence_port, free_port()
        head = request(BEARER, old)
        async with connected(old) as open_:
            config = {**loaded(place), "listen": f"127.0.0.1:{place.evidence_port}"}
            await reload(place, process, dumped(config))
            assert await answer(open_, *head) == 200, "who was connected is heard to the end"
            assert await said(place, OLD, BEARER) == 200
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", old)


@SCRIPT.story
async def d4_another_certificate(folder: Path) -> None:
    async with site(folder) as place:
        port, shown = place.evidence_port, []
        for name in ("one", "two"):
            (folder / name).mkdir()
            shown.append((await certificates.make(folder / name))[0])
        trusts = [ssl.create_default_context(cafile=ca) for ca in shown]
        place.changes = {"tls": tls("one")}
        async with daemon(place) as process, connected(port, trusts[0]) as greeted:
            config = {**loaded(place), "tls": tls("two")}
            await reload(place, process, dumped(config))
            await place.logged("tls is another")
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection("127.0.0.1", port, ssl=trusts[0])
            for streams in (
                greeted,
                await asyncio.open_connection("127.0.0.1", port, ssl=trusts[1]),
            ):
                assert await answer(streams, *request(BEARER, port)) == 200
                streams[1].close()


def tls(name: str) -> Config:
    return {"certificate_file": f"{name}/server.pem", "key_file": f"{name}/server.key"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
