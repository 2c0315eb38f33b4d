"""The same against Debian's Prometheus, which scrapes exporters that a test lets die."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import pytest
import yaml
from aiohttp import web

from doctor_daemon.errors import DoctorError
from doctor_daemon.inspectors.prometheus import Prometheus
from doctor_daemon.lab import certificates
from doctor_daemon.ports.surroundings import Concern
from tests.engine.rig import HOST
from tests.inspectors.looking import Scene, configured, secret, told
from tests.inspectors.rig import Ledger, terms
from tests.inspectors.servers import Process, server, until
from tests.slice.site import free_port
from tests.standstill import stand_still

PASSWORD = "a-password"
JOB = "nodes"


class Exporter:
    """What is scraped: one metric, as long as it lives."""

    def __init__(self) -> None:
        self.port = free_port()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/metrics", _metrics)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(text="node_load1 0.5\n")


@dataclass
class Rig:
    """Prometheus with TLS and a password, its exporters, and a source that asks it."""

    process: Process
    exporters: list[Exporter]
    source: Prometheus
    ledger: Ledger
    scene: Scene

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)

    async def look(self) -> str:
        """Look once; return what went wrong."""
        self.ledger.clock.move(1)
        try:
            await self.source.look(self.ledger)
        except DoctorError as error:
            return str(error)
        return ""

    async def until(self, *wanted: tuple[str, str]) -> None:
        """Look until so much has been told."""

        async def heard() -> bool:
            await self.look()
            return [(host, verdict) for host, _, verdict in self.told] == list(wanted)

        await until(f"{wanted} were told", heard)

    async def sees(self, count: int) -> bool:
        """Tell whether Prometheus shows so many targets that are up."""
        queries = self.source._queries  # noqa: SLF001 - the very client that is tried
        try:
            return len(await queries.ask(f'up{{job="{JOB}"}} == 1', 5)) == count
        except DoctorError:
            return False


def _files(folder: Path, ports: list[int]) -> None:
    targets = [
        {"targets": [f"127.0.0.1:{port}"], "labels": {"host": f"cmp-{n}"}}
        for n, port in enumerate(ports, 1)
    ]
    scraping = {"job_name": JOB, "static_configs": targets}
    pace = {"scrape_interval": "500ms", "scrape_timeout": "400ms"}
    (folder / "prometheus.yml").write_text(
        yaml.safe_dump({"global": pace, "scrape_configs": [scraping]})
    )
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    tls = {"cert_file": "server.pem", "key_file": "server.key"}
    (folder / "web.yml").write_text(
        yaml.safe_dump({"tls_server_config": tls, "basic_auth_users": {"doctor": hashed}})
    )
    secret(folder / "password", PASSWORD)


@asynccontextmanager
async def rig(folder: Path, **options: object) -> AsyncIterator[Rig]:
    exporters = [Exporter(), Exporter()]
    ca, _ = await certificates.make(folder)
    _files(folder, [one.port for one in exporters])
    port = free_port()
    argv = (
        "/usr/bin/prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--web.config.file={folder}/web.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    config = configured(
        Prometheus.Config,
        folder,
        url=f"https://127.0.0.1:{port}",
        ca_file=str(ca),
        username="doctor",
        password_file="password",
        **{"query": f'up{{job="{JOB}"}}', "lookback_s": 2.0, "timeout_s": 2.0, **options},
    )
    async with AsyncExitStack() as stack:
        for exporter in exporters:
            await exporter.start()
            stack.push_async_callback(exporter.stop)
        process = await stack.enter_async_context(server(folder, "prometheus", argv))
        made = Rig(process, exporters, Prometheus(config, terms("prom")), Ledger(), Scene())
        stack.push_async_callback(made.source.close)
        made.source.place(made.scene.around())

        async def seen() -> bool:
            return await made.sees(2)

        await until("Prometheus sees both", seen)
        yield made


async def test_a_host_that_is_scraped_no_more_is_accused_and_cleared(tmp_path: Path) -> None:
    async with rig(tmp_path, alive_value=1.0) as made:
        assert await made.look() == ""
        assert made.told == []
        await made.exporters[0].stop()
        await made.until(("cmp-1", "down"))
        await made.exporters[0].start()
        await made.until(("cmp-1", "down"), ("cmp-1", "up"))


async def test_a1_a_prometheus_that_stood_still_has_no_news(tmp_path: Path) -> None:
    """While it hangs it says nothing; after it, nothing from before the pause."""
    async with rig(tmp_path) as made:
        made.scene.concerns[HOST] = Concern.SUSPECTED
        stand_still(made.process.pid)
        assert "no answer within" in await made.look()
        for exporter in made.exporters:
            await exporter.stop()
        await asyncio.sleep(1)
        assert made.told == []
        made.process.send_signal(signal.SIGCONT)
        await until("it answers", lambda: made.sees(0))
        await made.look()
        assert ("cmp-1", "prometheus", "withdrawn") not in made.told


async def test_the_lookback_forgets_what_vanished(tmp_path: Path) -> None:
    """With Prometheus' own five minutes, a series would look alive after its time."""
    async with rig(tmp_path, query="node_load1", down_value=-1.0, alive_value=0.5) as made:
        made.scene.concerns[HOST] = Concern.SUSPECTED
        await made.look()
        assert ("cmp-1", "prometheus", "up") in made.told
        await made.exporters[0].stop()

        async def forgotten() -> bool:
            made.ledger.taken.clear()
            made.ledger.clock.move(60)
            return await made.look() == "" and made.told == []

        await until("it is not seen any more", forgotten)


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"query": "up{"}, "parse error"),
    ({"query": "1"}, "gives a scalar"),
    ({"query": "up[1m]"}, "gives a matrix"),
    ({"username": "nobody"}, "does not let us in"),
    ({"ca_file": None}, "certificate verify failed"),
)


async def test_what_is_wrong_is_said_and_accuses_nobody(tmp_path: Path) -> None:
    async with rig(tmp_path) as made:
        right = made.source._config.model_dump(mode="json")  # noqa: SLF001 - to copy it
        for options, words in WRONG:
            config = configured(Prometheus.Config, tmp_path, **{**right, **options})
            made.source = Prometheus(config, terms("prom"))
            trouble = await made.look()
            await made.source.close()
            assert words in trouble
        assert made.told == []


async def test_it_runs_by_itself(tmp_path: Path) -> None:
    async with rig(tmp_path, every_s=0.5) as made:
        await made.exporters[1].stop()
        task = asyncio.create_task(made.source.run(made.ledger))

        async def heard() -> bool:
            return made.told == [("cmp-2", "prometheus", "down")]

        await until("it has told", heard)
        assert set(made.scene.looked) == {"prom"}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_port_that_nobody_listens_on_is_the_sources_trouble(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = configured(Prometheus.Config, tmp_path, url=f"http://127.0.0.1:{port}", query="up")
    source, scene, ledger = Prometheus(config, terms("prom")), Scene(), Ledger()
    source.place(scene.around())
    task = asyncio.create_task(source.run(ledger))
    await asyncio.sleep(0.2)
    task.cancel()
    assert (scene.looked, ledger.taken) == ([], [])
