"""What a program has started and lost sight of: it bears the mark of its call, and is ended."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from doctor_daemon.errors import Temporary
from doctor_daemon.ports.process_tree import LOCKS, Call, mark_of, shown_mark
from doctor_daemon.ports.program import running
from tests.fencers.processes import (
    SOON_S,
    all_gone,
    living,
    pids_in,
    python,
    run_for,
    shell,
    written,
)

STRAY = "env -i setsid sh -c 'echo $$ >> {pids}; exec sleep 60' </dev/null >/dev/null 2>&1"
"""A child without the environment, the group and the outputs of what has started it."""
OTHERS = """
import asyncio, os, resource, signal, time
from doctor_daemon.ports.process_tree import LOCKS, Call, mark_of
from doctor_daemon.ports.program import running

ready, tell = os.pipe()
other = os.fork()
if other == 0:  # root's, with the mark of a call that nobody's daemon makes
    mark = int(os.read(ready, 64))
    resource.setrlimit(LOCKS, (mark, mark))
    time.sleep(60)
    os._exit(0)

async def main():
    async with asyncio.timeout(20), running(Call(("/bin/sleep", "60"))) as program:
        while (mark := mark_of(program.pid)) in (None, resource.RLIM_INFINITY):
            await asyncio.sleep(0.01)
        os.write(tell, str(mark).encode())
        while mark_of(other) != mark:
            await asyncio.sleep(0.01)

try:
    os.setresuid(65534, 65534, 0)
    asyncio.run(main())
    print(f"other={other} lives={mark_of(other) is not None}")
finally:
    if os.getresuid()[2] == 0:
        os.setresuid(0, 0, 0)
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
"""


@pytest.fixture(name="pids")
def fixture_pids(tmp_path: Path) -> Iterator[Path]:
    """Yield a file into which strays write who they are, and leave none of them behind."""
    yield tmp_path / "some.pids"
    found = [pid for file in tmp_path.glob("*.pids") for pid in pids_in(file)]
    for pid in living(found):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "script",
    [
        "{stray}",
        "{stray} & wait",
        "{stray} & sleep 60",
        "({stray} &); sleep 60",
        "trap '' TERM; ({stray} &); sleep 60; sleep 60",
        "((({stray}) & exit) & exit); sleep 60",
    ],
    ids=["child", "job", "job-left", "orphan", "orphan-of-deaf", "orphan-of-orphan"],
)
async def test_b16_what_has_cleared_its_environment_is_killed_too(script: str, pids: Path) -> None:
    script = script.format(stray=STRAY.format(pids=pids))
    call = asyncio.create_task(run_for(shell(script), 1.0))
    found = await written(pids, 1)
    assert living(found) == found
    assert (await call).why == "no answer in time"
    await all_gone(found)


async def test_b16_one_that_has_ended_leaves_nothing_that_holds_none_of_its_outputs(
    pids: Path,
) -> None:
    stray = STRAY.format(pids=pids)
    ended = await run_for(shell(f"({stray} &); until [ -s {pids} ]; do :; done; exit 2"))
    assert (ended.code, ended.why) == (2, "")
    await all_gone(pids_in(pids))


async def test_b16_a_cancelled_call_leaves_no_stray(pids: Path) -> None:
    call = asyncio.create_task(run_for(shell(f"({STRAY.format(pids=pids)} &); sleep 60")))
    found = await written(pids, 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await all_gone(found)


async def test_b16_a_call_that_is_cancelled_again_as_it_ends_leaves_no_stray(
    tmp_path: Path, pids: Path
) -> None:
    leads = tmp_path / "leads"
    script = f"({STRAY.format(pids=pids)} &); echo $$ > {leads}; exec sleep 60"
    call = asyncio.create_task(run_for(shell(script)))
    found, (leader,) = await written(pids, 1), await written(leads, 1)
    loop, held = asyncio.get_running_loop(), os.pidfd_open(leader)

    def again() -> None:
        loop.remove_reader(held)
        call.cancel()

    loop.add_reader(held, again)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    os.close(held)
    await all_gone(found)


async def test_b16_the_strays_of_another_call_are_left_to_it(tmp_path: Path, pids: Path) -> None:
    theirs = tmp_path / "their.pids"
    script = f"({STRAY.format(pids=theirs)} &); read x < {tmp_path}/gate; exit 0"
    os.mkfifo(tmp_path / "gate")
    other = asyncio.create_task(run_for(shell(script)))
    found = await written(theirs, 1)
    await run_for(shell(f"({STRAY.format(pids=pids)} &); until [ -s {pids} ]; do :; done"))
    await all_gone(pids_in(pids))
    assert living(found) == found
    (tmp_path / "gate").write_text("end\n", encoding="ascii")
    assert (await other).code == 0
    await all_gone(found)


async def test_b16_what_it_forks_at_once_has_its_bounds_too() -> None:
    script = "(ulimit -v; ulimit -c) & wait"
    ended = await run_for(shell(script, memory_bytes=256 * 1_048_576))
    assert ended.out == "262144\n0\n"
    ended = await run_for(python("import resource as r; print(r.getrlimit(4))"))
    assert ended.out == "(0, 0)\n"


async def test_b16_what_has_become_another_users_is_told() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHERS), stdout=PIPE, stderr=PIPE
    )
    out, complaint = (part.decode() for part in await process.communicate())
    if os.geteuid() != 0:  # then nobody can become another user, and that is what is seen
        assert "PermissionError" in complaint
        return
    assert not complaint
    told, last = out.splitlines()
    other = last.partition(" ")[0].removeprefix("other=")
    assert last == f"other={other} lives=True"
    assert "cannot be ended, and may go on acting" in told
    assert f"pids=[{other}]" in told


async def test_the_mark_is_read_alike_by_both_ways() -> None:
    async with running(shell("echo begun; sleep 60")) as program:
        await program.until_news(asyncio.get_running_loop().time() + SOON_S)
        mark = mark_of(program.pid)
        assert mark == shown_mark(program.pid) != resource.RLIM_INFINITY
        assert mark is not None
    assert mark_of(os.getpid()) == resource.getrlimit(LOCKS)[1] == resource.RLIM_INFINITY
    assert shown_mark(os.getpid()) is None  # unlimited
    assert mark_of(program.pid) is shown_mark(program.pid) is None  # it has gone


async def test_what_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program", encoding="ascii")
    for program, why in (
        ("fence_absent", "there is no fence_absent in /usr/sbin:"),
        (str(tmp_path / "absent"), "No such file or directory"),
        (str(tmp_path / "text"), "Permission denied"),
    ):
        with pytest.raises(Temporary, match=f"{program} cannot be started: {why}"):
            await run_for(Call((program,)))
