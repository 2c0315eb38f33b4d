"""`doctor-daemon store`: the state of a real daemon goes to etcd and back, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from doctor_daemon.cli.store import LEFT
from doctor_daemon.lab.world import Failure
from doctor_daemon.ports import NoticeRow
from doctor_daemon.stores.etcd_values import SCHEMA
from tests.cli.terminal import Done, Terminal, typed
from tests.slice.process import START_S, daemon, started, stop
from tests.slice.site import Json, Site, site
from tests.stores.etcd_cluster import Cluster, running
from tests.stores.etcd_relay import relayed
from tests.stores.movers import of_sqlite
from tests.stores.test_etcd import put
from tests.stores.values import audit_line, notice, opening

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFIXES = count(1)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with site(tmp_path_factory.mktemp("site")) as made:
        yield made


def on_etcd(place: Site, etcd: Cluster, **more: object) -> Json:
    """Have the state in etcd, where nothing is yet, from now on."""
    state = {"type": "etcd", "endpoints": list(etcd.urls), "prefix": f"/cli-{next(PREFIXES)}/"}
    place.changes = {"state": state | more}
    return state


def on_sqlite(place: Site, name: str) -> Path:
    """Have the state in a file, from now on."""
    path = place.folder / name / "state.sqlite3"
    place.changes = {"state": {"type": "sqlite", "path": str(path)}}
    return path


async def export(place: Site, file: Path) -> Done:
    return await said(place, "export", "--to", file)


async def import_(place: Site, file: Path) -> Done:
    return await said(place, "import", "--from", file)


async def said(place: Site, verb: str, way: str, file: Path) -> Done:
    """Give the command; see that no secret is told."""
    done = await typed("store", verb, "--config", str(place.config), way, str(file))
    assert "Traceback" not in done.err
    assert not [word for word in place.secrets() if word in done.out + done.err]
    return done


def well(done: Done) -> str:
    """See that it was done, and that no more was told meanwhile than how far it had come."""
    assert done.status == 0, done
    assert [line for line in done.err.splitlines() if " audit lines" not in line] == []
    return done.out


async def known(place: Site, lines: int | None = None) -> list[object]:
    """Ask a daemon for what it remembers: of the timeline so many lines."""
    found = await place.incident("compute-2")
    assert found is not None
    told = json.loads(await Terminal(place).well("notices", "--json"))["notices"]
    return [
        *(found["id"], found["phase"], found["timeline"][:lines]),
        sorted((one["id"], one["sequence"]) for one in told),
    ]


async def lived(place: Site) -> int:
    """Have something to remember; return how many lines the timeline has by then."""
    await Terminal(place).well("maintenance", "compute-3", "--for", "4h", "--why", "new memory")
    place.lab.world.fail("compute-2", Failure.COMPUTE)
    await place.monitor.insist("compute-2")
    return len((await place.until("compute-2", "held"))["timeline"])


async def test_i6_a_daemon_finds_in_etcd_and_back_in_sqlite_all_that_it_knew(
    place: Site, etcd: Cluster
) -> None:
    file, back = place.folder / "to-etcd", place.folder / "back"
    terminal = Terminal(place)
    async with daemon(place):
        lines = await lived(place)
        before = await known(place, lines)
        refused = await export(place, file)
        assert refused.status == 1
        assert "held by another daemon, pid" in refused.err
    told = well(await export(place, file))
    assert told.startswith("exported: 1 incidents, 1 of them open; ")
    whole, last = told.splitlines()[-1], told.split()[-1]
    assert whole == f"the audit is whole, last {last}"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    on_etcd(place, etcd)
    assert (well(await import_(place, file))).splitlines()[-1] == whole
    async with daemon(place):
        assert await known(place, lines) == before
        assert "whole: lines 1 to" in await terminal.well("audit", "verify")
        assert "whole" in await terminal.well("audit", "verify", "--last", last)
        for done in (await export(place, back), await import_(place, file)):
            assert done.status == 1
            assert "leads: stop every daemon that has its state here" in done.err
    well(await export(place, back))
    on_sqlite(place, "back-in-a-file")
    well(await import_(place, back))
    async with daemon(place):
        assert await known(place, lines) == before
        assert "whole" in await terminal.well("audit", "verify", "--last", last)


async def test_a_store_that_holds_something_is_left_alone(place: Site, tmp_path: Path) -> None:
    path = on_sqlite(place, "full")
    await filled(path)
    well(await export(place, tmp_path / "file"))
    done = await import_(place, tmp_path / "file")
    assert (done.status, done.out) == (1, "")
    assert done.err == (
        f"doctor-daemon: {path}: there is state in it already: set another state.path, or take the"
        " file away if nobody needs it\n"
    )


async def filled(path: Path, *rows: NoticeRow) -> None:
    """Have something in a file, as a daemon that was stopped has left it."""
    store = of_sqlite(path).store()
    try:
        term = await store.open()
        line = audit_line(1)
        await store.commit(replace(opening(), audit=(line,), notices=rows), term=term)
    finally:
        await store.close()


async def test_i6_a_file_that_is_cut_short_touches_nothing(place: Site, tmp_path: Path) -> None:
    await filled(on_sqlite(place, "source"))
    file = tmp_path / "file"
    well(await export(place, file))
    file.write_bytes(file.read_bytes()[:-40])
    path = on_sqlite(place, "there")
    done = await import_(place, file)
    assert (done.status, done.out) == (1, "")
    assert done.err == f"doctor-daemon: {file}: it is cut short: it has no last line\n"
    assert not path.exists()


async def test_i6_what_fails_half_way_says_what_is_to_be_done(
    place: Site, etcd: Cluster, tmp_path: Path
) -> None:
    """What is in the way here is a notice that etcd cannot hold."""
    body = Random(1).randbytes(1_600_000).hex()
    await filled(on_sqlite(place, "large"), replace(notice(1), body=body))
    well(await export(place, tmp_path / "file"))
    on_etcd(place, etcd)
    done = await import_(place, tmp_path / "file")
    assert (done.status, done.out) == (1, "")
    first, second = done.err.splitlines()
    assert first == f"doctor-daemon: {LEFT}"
    assert "it cannot be kept in etcd" in second
    run = await typed("run", "--config", str(place.config))
    assert run.status == 1
    assert "give `doctor-daemon store import` once more" in run.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_as_ctrl_c_does(
    place: Site, etcd: Cluster, tmp_path: Path, number: signal.Signals
) -> None:
    async with relayed(etcd.members[0].port) as relay:
        relay.answers.clear()
        on_etcd(place, etcd, endpoints=[relay.url])
        words = ("store", "export", "--config", str(place.config), "--to", str(tmp_path / "file"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "doctor_daemon.cli.main", *words),
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(START_S):
            await relay.hears(b"header")
            process.send_signal(number)
            _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")


async def test_what_is_kept_nowhere_cannot_be_moved(place: Site, tmp_path: Path) -> None:
    place.changes = {"state": {"type": "memory"}}
    done = await export(place, tmp_path / "file")
    assert done.status == 1
    assert done.err == "doctor-daemon: state: what a store of type memory holds cannot be moved\n"


async def test_a_configuration_that_cannot_be_used_is_told_as_by_run(
    place: Site, tmp_path: Path
) -> None:
    place.changes = {"state": {"type": "sqlite", "size_max_mib": 1}}
    done = await export(place, tmp_path / "file")
    assert done.status == 2
    assert "state.size_max_mib: " in done.err


async def test_where_nothing_is_nothing_is_exported(place: Site, tmp_path: Path) -> None:
    path = on_sqlite(place, "nowhere")
    done = await export(place, tmp_path / "file")
    assert (done.status, done.err) == (1, f"doctor-daemon: {path}: there is no such file\n")
    assert not path.exists()


async def test_i6_a_daemon_stands_by_for_a_newer_one_and_says_so(
    place: Site, etcd: Cluster
) -> None:
    state = on_etcd(place, etcd)
    put(etcd, f"{state['prefix']}schema", str(SCHEMA + 1))
    async with started(place) as process:
        async with asyncio.timeout(START_S):
            while "a newer one has written here" not in (await status(place)):
                assert process.returncode is None, place.log.read_text()[-2000:]
                await asyncio.sleep(0.1)
        assert process.returncode is None
        await stop(process)


async def status(place: Site) -> str:
    """Return what a daemon says of itself; nothing, while it does not answer yet."""
    return (await Terminal(place).type("status")).out
