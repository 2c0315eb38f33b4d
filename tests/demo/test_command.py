"""`doctor-daemon demo` as it is typed: its options, its terminal, and how it is ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctor_daemon.cli.arguments import parse
from doctor_daemon.cli.client import ask
from doctor_daemon.cli.demo.stories import listed
from tests.demo.theatre import SMALL, Box, told


async def test_the_stories_are_listed() -> None:
    seen = await told("--fault", "list")
    assert (seen.status, seen.out.splitlines(), seen.err) == (0, list(listed()), "")


async def test_a_story_that_nobody_knows() -> None:
    seen = await told("--fault", "locusts", *SMALL)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == (
        "doctor-daemon: --fault: found 'locusts'; expected a name that "
        "`doctor-daemon demo --fault list` shows\n"
    )


async def test_a_story_that_needs_more_servers() -> None:
    seen = await told("--fault", "no-valid-host", "--servers", "2")
    assert (seen.status, seen.out) == (2, "")
    least = "expected at least 3 for the story no-valid-host"
    assert seen.err == f"doctor-daemon: --servers: found 2; {least}\n"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--host-count", "1"), "found '1'; expected a number from 2 to 500"),
        (("--host-count", "501"), "found '501'; expected a number from 2 to 500"),
        (("--host-count", "many"), "found 'many'; expected a number from 2 to 500"),
        (("--servers", "0"), "found '0'; expected a number from 1 to 200"),
        (("--servers", "-1"), "found '-1'; expected a number from 1 to 200"),
    ],
)
def test_a_size_that_cannot_be(
    words: tuple[str, ...], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["demo", *words])
    assert ended.value.code == 2
    assert found in capsys.readouterr().err


def test_what_is_shown_when_nothing_is_asked_for() -> None:
    options = parse(["demo"])
    assert (options.fault, options.host_count, options.servers) == ("none", 20, 10)
    assert (options.json, options.keep) == (False, False)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Give a folder with a short name: the path of a socket may not be long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def left(place: Path) -> list[Path]:
    return list(place.glob("doctor-demo-*"))


async def interrupted(number: int, place: Path) -> None:
    """Send a signal amid a story, and see that nothing is left of it."""
    async with Box("--fault", "bmc-stuck", *SMALL, folder=str(place)) as box:
        await box.until("firing")
        assert len(left(place)) == 1
        assert await box.end(number) == 130
    assert left(place) == []
    assert "Traceback" not in box.seen


@pytest.mark.timeout(200)
async def test_a_signal_ends_and_removes_everything(short_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    places = [short_path / number.name for number in numbers]
    for place in places:
        place.mkdir()
    await asyncio.gather(*map(interrupted, numbers, places))


@pytest.mark.timeout(200)
async def test_what_is_kept_runs_until_it_is_interrupted(short_path: Path) -> None:
    async with Box(
        "--fault", "alive-after-all", "--keep", "--json", *SMALL, folder=str(short_path)
    ) as box:
        await box.until('"fault": "alive-after-all"')
        (folder,) = left(short_path)
        found = re.search(r"the daemon is process (\d+)", box.seen)
        assert found
        assert is_alive(int(found[1]))
        status = ask(folder / "daemon.sock", "GET", "/v1/status")
        assert (status["ready"], status["mode"], status["hosts"]) == (True, "evacuate", 4)
        assert f"explain --socket {folder}/daemon.sock compute-1" in box.seen
        assert re.search(r"curl http://127\.0\.0\.1:\d+/hosts", box.seen)
        assert await box.end(signal.SIGINT) == 0
    assert "\x1b[" in box.seen
    assert not is_alive(int(found[1]))
    assert left(short_path) == []
