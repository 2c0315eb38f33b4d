"""All that is served over HTTP, as docs/openapi.yaml has it: a real daemon, and schemathesis.

Whatever is sent: never a 5xx, never an answer that the document does not have.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import yaml

from doctor_daemon.api.cinder import CinderApi
from doctor_daemon.api.fleet import FleetApi
from doctor_daemon.api.operators import OperatorsApi
from doctor_daemon.api.probes import ProbesApi
from doctor_daemon.api.unix import Group
from doctor_daemon.engine.engine import Engine
from doctor_daemon.engine.masskeeper import Masskeeper
from doctor_daemon.engine.operators import Operators
from doctor_daemon.engine.volumes import VolumeOrders
from tests.fuzz.peers import Everybody
from tests.fuzz.sources import OPTIONS, made_sources, sources, told
from tests.inspectors.rig import Ledger
from tests.slice.monitor import BEARER
from tests.slice.process import daemon
from tests.slice.site import Site, site
from tests.slice.test_masakari import call
from tools.masakari_shapes import CRASHED, NOTED
from tools.openapi import PAGE, page
from tools.shapes import EVIDENCE, MASAKARI, METRICS, OPERATORS
from tools.surface import OPERATIONS

SECONDS = int(os.environ.get("SURFACE_S", "10"))
"""For each of the four rooms."""
BRIEF_S = 2
"""For what is only refused."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
ROUTES = {(one.method, one.path) for one in OPERATIONS if one.room == OPERATORS}


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()
    assert yaml.safe_load(page())["openapi"] == "3.1.0"


def test_every_route_of_operators_is_on_the_page_and_no_other() -> None:
    operators, engine = cast("Operators", None), cast("Engine", None)
    more = [
        *FleetApi(cast("Masskeeper", None), operators).routes(),
        *ProbesApi(engine).routes(),
        *CinderApi(cast("VolumeOrders", None)).routes(),
    ]
    app = OperatorsApi(operators, lambda _: None, Group("g", None), more=more).app()
    served = {(one.method, one.resource.canonical) for one in app.router.routes() if one.resource}
    assert {one for one in served if one[0] != "HEAD"} == ROUTES


def test_every_type_that_is_told_by_http_is_asked() -> None:
    assert {"alertmanager", "masakari"} <= told().keys()
    assert "nova" not in told(), "it looks by itself"
    assert OPTIONS.keys() - told().keys() == set()
    assert [one.name for one in made_sources()] == [one["name"] for one in sources()]


def test_every_path_of_a_source_is_on_the_page_and_no_other() -> None:
    """What is answered to anybody, too."""
    served = {
        (route.method, route.path)
        for inspector in made_sources()
        for route in (
            *getattr(inspector, "open_routes", tuple)(),
            *inspector.routes(Ledger(), Everybody()),
        )
    }
    rooms = (EVIDENCE, MASAKARI)
    assert served == {(one.method, one.path) for one in OPERATIONS if one.room in rooms}


@asynccontextmanager
async def bridged(place: Site) -> AsyncIterator[str]:
    """Lead a port of loopback to the operators' socket."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(65_536):
                writer.write(some)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(place.socket)
        await asyncio.gather(copy(reader, forth), copy(back, writer))

    server = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def asked(room: str, url: str, seconds: int, folder: Path, token: str) -> tuple[int, str]:
    """Have schemathesis ask, from a folder; return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", str(PAGE.resolve()), "--url", url),
        *("--include-tag", room, "--checks", ",".join(CHECKS), "--seed", "1", "--no-color"),
        *("--phases", "examples,coverage,fuzzing", "--max-time", str(seconds)),
        *("--max-examples", "40", "--request-timeout", "20", "--warnings", "off"),
        *("--suppress-health-check", "all", "--generation-database", "none"),
        *("--header", f"Authorization: Bearer {BEARER}", "--continue-on-failure"),
        *("--header", f"X-Auth-Token: {token}"),
        cwd=folder,  # it leaves files where it stands
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")


def cases(said: str) -> int:
    """Return how many requests were made."""
    found = re.search(r"(\d+) generated", said)
    return int(found[1]) if found else 0


@pytest.mark.timeout(8 * SECONDS + 120)
async def test_no_answer_is_a_fault_or_none_that_is_written_down(tmp_path: Path) -> None:
    changes = {"sources": sources()}
    async with site(tmp_path, changes=changes) as place, daemon(place), bridged(place) as orders:
        told_at = f"http://127.0.0.1:{place.evidence_port}"
        token = place.lab.identity.issue(place.lab.admin, place.lab.admin.project, "password").text
        rooms = {
            EVIDENCE: told_at,
            MASAKARI: told_at,
            OPERATORS: orders,
            METRICS: f"http://127.0.0.1:{place.metrics_port}",
        }
        for room, url in rooms.items():
            status, said = await asked(room, url, SECONDS, tmp_path, token)
            assert status == 0, f"{room}:\n{said[-8000:]}"
            assert cases(said) > 0, said[-2000:]
        status, kept = await call(place, "GET", f"notifications/{NOTED}", token)
        assert status == 200, "the page's example was taken, and its UUID is the page's"
        assert kept["notification"]["payload"] == CRASHED["payload"]
        status, said = await asked(MASAKARI, told_at, BRIEF_S, tmp_path, "nobody's")
        assert status == 0, f"without a token of Keystone's:\n{said[-8000:]}"
        status, said = await asked(METRICS, told_at, BRIEF_S, tmp_path, token)
        assert status != 0, "the control: another room's answers are not as written down"
        assert (await place.ask("GET", "/v1/status"))["mode"] == place.mode
        assert "internal error" not in place.log.read_text(encoding="utf-8")
