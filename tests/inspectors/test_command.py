"""Programs that write JSON lines: what of it counts, and how they are ended."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.command import Command
from doctor_daemon.ports.surroundings import Concern
from tests.engine.rig import HOST
from tests.inspectors.looking import Scene, configured, told
from tests.inspectors.rig import Ledger, terms
from tests.inspectors.servers import until

DOWN = '{"host": "cmp-1", "verdict": "down", "summary": "gone"}'


class Stage:
    """A source and its program, which is Python."""

    def __init__(self, code: str, **options: Any) -> None:  # noqa: ANN401 - options
        argv = [sys.executable, "-S", "-c", code]
        config = configured(Command.Config, Path(), **{"argv": argv, "kind": "script", **options})
        self.ledger, self.scene = Ledger(), Scene()
        self.source = Command(config, terms("script"))
        self.source.place(self.scene.around())

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return told(self.ledger.taken)

    async def look(self) -> str:
        try:
            await self.source.look(self.ledger)
        except Temporary as error:
            return str(error)
        return ""


def once(code: str, **options: Any) -> Stage:  # noqa: ANN401 - options
    return Stage(code, **{"every_s": 10.0, **options})


def says(*lines: str, more: str = "") -> str:
    return f"import sys, os, time\nfor x in {lines!r}: print(x, flush=True)\n{more}"


@asynccontextmanager
async def following(code: str) -> AsyncIterator[Stage]:
    stage = Stage(code)
    task = asyncio.create_task(stage.source.run(stage.ledger))
    yield stage
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_a_run_says_is_evidence() -> None:
    life = '{"host": "cmp-2", "verdict": "up"}'
    stage = once(says(DOWN, "", life, '{"host": "cmp-9", "verdict": "down"}'))
    assert await stage.look() == ""
    assert stage.told == [("cmp-1", "script", "down")]
    assert stage.ledger.taken[0].summary == "gone"


async def test_a_sign_of_life_is_told_while_somebody_waits_for_it() -> None:
    stage = once(says('{"host": "cmp-1", "verdict": "up", "fingerprint": "a"}'))
    stage.scene.concerns[HOST] = Concern.SUSPECTED
    await stage.look()
    assert stage.told == [("cmp-1", "script", "up")]
    assert stage.ledger.taken[0].fingerprint == "a"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("sys.exit(3)", "the program has failed (3), and nothing of it counts: "),
        ("print('no luck', file=sys.stderr); sys.exit(1)", "nothing of it counts: no luck"),
        ("os.kill(os.getpid(), 9)", "the program has failed (-9)"),
        ("print('no JSON')", "nothing of what it wrote counts: body: Expecting value"),
        ("print('{}')", "host: it is missing"),
        ('print(\'{"host": "cmp-2", "verdict": "dead"}\')', "down, up or withdrawn"),
        ('print(\'{"host": "cmp-2", "verdict": "down", "x": 1}\')', "no such field"),
        ("print('x' * 70000)", "a line of more than 65536 bytes"),
        ("print('\\n' * 20001)", "more than 20000 lines"),
    ],
)
async def test_a_run_that_does_not_end_well_says_nothing(more: str, words: str) -> None:
    stage = once(says(DOWN, more=more))
    assert words in await stage.look()
    assert stage.told == []


async def test_a_program_that_is_not_there_is_said() -> None:
    stage = once("", argv=["/nowhere/to/be/found"])
    assert await stage.look() == "/nowhere/to/be/found cannot be started: No such file or directory"


async def test_b16_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """Also a child that does not mind SIGTERM."""
    child = "import signal,time;signal.signal(15,signal.SIG_IGN);print(1,flush=True);time.sleep(99)"
    file = tmp_path / "pids"
    more = f"""
import subprocess, signal
signal.signal(15, signal.SIG_IGN)
p = subprocess.Popen([sys.executable, '-S', '-c', {child!r}], stdout=subprocess.PIPE)
p.stdout.readline()
open({str(file)!r}, 'w').write(f'{{os.getpid()}} {{p.pid}}')
time.sleep(99)
"""
    stage = once(says(DOWN, more=more), timeout_s=2.0)
    assert await stage.look() == "the program has not ended within 2 s"
    assert stage.told == []
    pids = file.read_text().split()
    assert len(pids) == 2

    async def gone() -> bool:
        return not any(_lives(int(pid)) for pid in pids)

    await until("both are gone", gone)


def _lives(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


async def test_b16_an_endless_output_ends() -> None:
    stage = once("import sys\nwhile True: sys.stdout.write('x' * 65536)", timeout_s=10.0)
    assert "a line of more than" in await stage.look()
    stage = once("while True: print()", timeout_s=10.0)
    assert "more than 20000 lines" in await stage.look()


async def test_b16_endless_complaints_do_not_block_it() -> None:
    stage = once(says(more=f"sys.stderr.write('x' * 3000000)\nprint({DOWN!r})"))
    assert await stage.look() == ""
    assert stage.told == [("cmp-1", "script", "down")]


async def test_b15_it_inherits_nothing_of_ours() -> None:
    secret = "DOCTOR_TEST_SECRET"
    os.environ[secret] = "x"
    try:
        stage = once(f"import os, sys\nsys.exit({secret!r} in os.environ)")
        assert await stage.look() == ""
    finally:
        del os.environ[secret]


async def test_one_that_runs_for_good_is_heard_line_by_line() -> None:
    more = "time.sleep(99)"
    async with following(says("rubbish", DOWN, more=more)) as stage:

        async def heard() -> bool:
            return stage.told == [("cmp-1", "script", "down")]

        await until("it was heard", heard)
        assert set(stage.scene.looked) == {"script"}


async def test_one_that_ends_is_started_again() -> None:
    async with following(says(DOWN)) as stage:

        async def twice() -> bool:
            stage.ledger.clock.move(20)
            return len(stage.told) >= 2

        await until("it was started again", twice)


async def test_its_end_ends_the_program(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    more = f"open({str(file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(99)"
    async with following(says(more=more)):

        async def began() -> bool:
            return file.exists() and bool(file.read_text())

        await until("it has begun", began)
    assert not _lives(int(file.read_text()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"argv": []}, "at least 1 item"),
        ({"argv": ["sh", "-c", "true"]}, "argv: found 'sh'; expected an absolute path"),
        ({"every_s": 2.0, "timeout_s": 5.0}, "timeout_s: found 5; expected no more than every_s"),
        ({"kind": "A kind"}, "String should match pattern"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: Mapping[str, Any], words: str) -> None:
    wanted = {"argv": ["/bin/true"], "kind": "x", **options}
    with pytest.raises(ValidationError, match=words):
        configured(Command.Config, Path(), **wanted)


async def test_an_empty_line_shows_that_it_still_looks() -> None:
    async with following(says("", "rubbish", more="time.sleep(99)")) as stage:

        async def looked() -> bool:
            return stage.scene.looked == ["script"]

        await until("it has looked", looked)
        await asyncio.sleep(0.1)
        assert (stage.scene.looked, stage.told) == (["script"], [])
