"""`doctor-daemon run`: how it begins, and every way in which it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession

from doctor_daemon.cli.client import Unanswered
from doctor_daemon.lab.faults import Do, Rule, Service
from tests.cli.broken import installed
from tests.cli.terminal import Done, typed
from tests.slice.monitor import BEARER
from tests.slice.process import START_S, daemon, ready, started
from tests.slice.script import Scenes, Stories
from tests.slice.site import Site, free_port, site

SCRIPT = Stories()


async def run(path: Path) -> Done:
    """Start a daemon that cannot run; it says so on standard error, each line in its name."""
    done = await typed("run", "--config", str(path))
    assert done.out == ""
    assert "Traceback" not in done.err
    return done


def words(done: Done) -> list[str]:
    """Return what was said in the program's own name, the log left out."""
    start = "doctor-daemon: "
    return [line.removeprefix(start) for line in done.err.splitlines() if line.startswith(start)]


def rewritten(place: Site, **changes: object) -> Path:
    """Write a configuration of another daemon for the same lab: ports and state of its own."""
    found = yaml.safe_load(place.config.read_text())
    state = {"type": "sqlite", "path": str(place.folder / "other" / "state.sqlite3")}
    own = {
        "listen": f"127.0.0.1:{free_port()}",
        "metrics_listen": f"127.0.0.1:{free_port()}",
        "operators": {"socket": str(place.folder / "other.sock")},
        "state": state,
    }
    path = place.folder / "other.yaml"
    path.write_text(yaml.safe_dump({**found, **own, **changes}))
    return path


@SCRIPT.story
async def a_broken_configuration_names_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "doctor-daemon.yaml"
    path.write_text("mode: destroy\nlisten: here\ntiming: {off_reads: 1}\nstate: {path: state}\n")
    done = await run(path)
    assert done.status == 2
    assert [line.removeprefix(f"{path}:").partition(";")[0] for line in words(done)] == [
        "1: mode: found 'destroy'",
        "1: cloud: missing",
        "1: cloud.cloud: missing",
        "2: listen: found 'here'",
        "3: timing.off_reads: found 1",
    ]
    assert len(done.err.splitlines()) == 5
    assert not (tmp_path / "state").exists()


@SCRIPT.story
async def no_configuration(tmp_path: Path) -> None:
    done = await run(tmp_path / "none.yaml")
    said = f"{tmp_path}/none.yaml:1: the file cannot be read: No such file or directory"
    assert (done.status, words(done)) == (2, [said])


@SCRIPT.story
async def what_stands_in_the_way_of_a_second_daemon(tmp_path: Path) -> None:
    """Each refusal says what is in the way, and leaves the daemon that runs alone."""
    async with site(tmp_path) as place, daemon(place) as first:
        lock = place.folder / "state" / "state.sqlite3.lock"
        mine = {"state": {"type": "sqlite", "path": str(place.folder / "state" / "state.sqlite3")}}
        taken = "cannot be listened on: Address already in use"
        thesis = place.folder / "thesis"
        thesis.write_text("of somebody else")
        text = place.folder / "text"
        text.mkdir()
        (text / "state.sqlite3").write_text("this is no database, but a text that is long enough")
        (text / "state.sqlite3").chmod(0o600)
        for changes, status, why in (
            (mine, 1, f"{lock}: held by another daemon, pid {first.pid}"),
            (
                {"metrics_listen": f"127.0.0.1:{place.metrics_port}"},
                2,
                f"metrics_listen: 127.0.0.1:{place.metrics_port} {taken}",
            ),
            (
                {"listen": f"127.0.0.1:{place.evidence_port}"},
                2,
                f"listen: 127.0.0.1 port {place.evidence_port} cannot be listened on: ",
            ),
            (
                {"operators": {"socket": str(place.socket)}},
                1,
                f"operators.socket: {place.socket}: another process listens there already",
            ),
            (
                {"operators": {"socket": str(thesis)}},
                2,
                f"operators.socket: {thesis} is there and is no socket; it is left as it is",
            ),
            (
                {"state": {"type": "sqlite", "path": str(text / "state.sqlite3")}},
                1,
                f"{text / 'state.sqlite3'}: ",
            ),
        ):
            done = await run(rewritten(place, **changes))
            (said,) = words(done)
            assert (done.status, said.startswith(why)) == (status, True), done
        assert thesis.read_text() == "of somebody else"
        assert (await place.ask("GET", "/v1/status"))["ready"]
        assert (await place.get("/readyz"))[0] == 200


@SCRIPT.story
async def parts_that_cannot_be_made_end_it_before_it_begins(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        path = rewritten(place, cloud={"clouds_file": "clouds.yaml", "cloud": "nowhere"})
        done = await run(path)
        (said,) = words(done)
        assert (done.status, said.startswith("cloud: ")) == (2, True)
        assert not (place.folder / "other").exists()


async def answers(place: Site) -> None:
    """Wait until operators are answered."""
    while True:
        try:
            if (await place.ask("GET", "/v1/status"))["ready"]:
                return
        except Unanswered:
            await asyncio.sleep(0.05)


async def stops_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    """A Nova that hangs keeps the door for evidence shut for a while, but not the way out."""
    async with site(tmp_path) as place:
        place.lab.faults.add(Rule(service=Service.NOVA, do=Do.HANG, times=None))
        async with started(place) as process:
            async with asyncio.timeout(START_S):
                await answers(place)
                assert await place.get("/readyz") == (503, "starting\n")
                assert (await place.get("/metrics"))[0] == 200
                process.send_signal(number)
                assert await process.wait() == 0
        assert not place.socket.exists()
        assert "doors open" not in place.log.read_text()


@SCRIPT.story
async def stopped_by_sigterm_while_it_starts(tmp_path: Path) -> None:
    await stops_while_it_starts(tmp_path, signal.SIGTERM)


@SCRIPT.story
async def stopped_by_sigint_while_it_starts(tmp_path: Path) -> None:
    await stops_while_it_starts(tmp_path, signal.SIGINT)


@SCRIPT.story
async def a_nova_that_hangs_delays_the_doors_and_no_more(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        place.lab.faults.add(Rule(service=Service.NOVA, do=Do.HANG, times=None))
        async with started(place) as process:
            await ready(place, process)
            await place.logged("early notices name none until there is one")
            await place.monitor.insist("compute-1")
            (told,) = await place.told("operators", "compute-1", "suspected")
            assert told["servers"] == []


@SCRIPT.story
async def the_socket_of_a_killed_daemon_is_no_obstacle(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        with closing(socket.socket(socket.AF_UNIX)) as dead:
            dead.bind(str(place.socket))
        async with daemon(place):
            assert (await place.ask("GET", "/v1/status"))["ready"]
        assert not place.socket.exists()


@SCRIPT.story
async def a_bug_is_logged_without_its_secret_and_ends_it_with_70(tmp_path: Path) -> None:
    async with site(tmp_path) as place:
        env = installed(tmp_path / "plugins")
        for command, store, format_ in (
            ("run", "broken", "text"),
            ("run", "broken", "json"),
            ("run", "unmakeable", "json"),
            ("check-config", "unmakeable", "text"),
        ):
            path = rewritten(
                place,
                state={"type": store, "secret_file": "bearer"},
                log={"format": format_, "level": "info"},
            )
            done = await typed(command, "--config", str(path), env=env)
            assert (done.status, done.out) == (70, "")
            (line,) = [line for line in done.err.splitlines() if "internal error" in line]
            assert "this is the end" in line
            assert "cannot log in with [redacted]" in done.err
            assert BEARER not in done.err
            # No line of the trace can pass for one of the log's own.
            traced = [line for line in done.err.splitlines() if "Traceback" in line]
            assert all(line.startswith("    | ") or format_ == "json" for line in traced)
            assert traced
            assert not (place.folder / "other.sock").exists()


@SCRIPT.story
async def an_inspector_that_dies_is_counted_and_begins_again(tmp_path: Path) -> None:
    bearer = {"bearer_file": "bearer"}
    async with site(tmp_path) as place:
        found = yaml.safe_load(place.config.read_text())["sources"]
        mortal = {"name": "mortal", "type": "mortal", "trust": "alone", "auth": bearer}
        place.changes = {"sources": [*found, mortal]}
        env = {**os.environ, **installed(tmp_path / "plugins")}
        async with started(place, env=env) as process:
            await ready(place, process)
            lives = f"http://127.0.0.1:{place.evidence_port}/lives"
            headers = {"Authorization": f"Bearer {BEARER}"}
            async with ClientSession(headers=headers) as session, asyncio.timeout(15):
                while True:
                    async with session.get(lives) as answer:
                        if (await answer.json())["lives"] == 2:
                            break
                    await asyncio.sleep(0.1)
            assert await place.metric("doctor_internal_errors_total") == 1
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        log = place.log.read_text()
        assert 'internal error what="source mortal"' in log
        assert "    | KeyError: 'a bug in an inspector'" in log
        place.log.write_text("")  # the judge allows no internal error; this one was wanted


# A daemon that ends at once leaves the lab's Keystone in the middle of a request, which it logs.
@pytest.mark.expects_exceptions
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("title", SCRIPT.stories)
async def test_story(scenes: Scenes, title: str) -> None:
    await scenes[title]
