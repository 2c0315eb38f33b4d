"""Other people's programs: nothing of one outlives its call, whatever it does."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from doctor_daemon.errors import Temporary
from doctor_daemon.ports.process_tree import HANDED, Call
from doctor_daemon.ports.program import KEPT_MAX, Ended, Programs, running
from tests.fencers.processes import (
    SOON_S,
    all_gone,
    descriptors,
    living,
    pids_in,
    python,
    run_for,
    shell,
    written,
)


async def test_it_says_how_it_ended_and_what_was_printed() -> None:
    ended = await run_for(shell("cat; echo words >&2; exit 2", stdin=b"action=status\n"))
    assert ended == Ended(2, "action=status\n", "words\n")
    assert (await run_for(shell("kill -9 $$"))).code == -9


async def test_it_is_given_no_environment_but_its_own(tmp_path: Path) -> None:
    os.environ["HTTPS_PROXY"] = "http://192.0.2.1"
    try:
        ended = await run_for(shell("env; pwd"))
    finally:
        del os.environ["HTTPS_PROXY"]
    names = {line.partition("=")[0] for line in ended.out.splitlines() if "=" in line}
    assert names <= {"PATH", "LC_ALL", "HOME", "TZ", "PWD", "_", "OLDPWD"}
    assert "/\n" in ended.out


async def test_it_is_handed_a_file_that_has_no_name() -> None:
    call = Call(("/bin/cat", HANDED), file=b"a secret")
    assert await run_for(call) == Ended(0, "a secret", "")


async def test_b16_one_that_hangs_is_ended_at_its_deadline(tmp_path: Path) -> None:
    ended = await run_for(shell("echo begun; sleep 1000 & wait"), 0.3)
    assert (ended.out, ended.why) == ("begun\n", "no answer in time")
    assert ended.code < 0


async def test_b16_one_that_ignores_what_it_is_told_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; echo $$ >> {pids}; while :; do sleep 1; done"
    ended = await run_for(shell(f"({script}) & {script}"), 0.5)
    assert ended.code == -9
    await all_gone(await written(pids, 2))


async def test_b16_what_left_its_group_and_ignores_term_is_killed_too(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"""
import os, signal, time
for leave in (os.setsid, os.setpgrp, lambda: None):
    if os.fork() == 0:
        leave()
        if os.fork():  # its parent dies: nobody knows any more whose child it is
            os._exit(0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with open({str(pids)!r}, "a") as file:
            file.write(f"{{os.getpid()}}\\n")
        time.sleep(1000)
time.sleep(1000)
"""
    call = asyncio.create_task(run_for(python(script), 2.0))
    found = await written(pids, 3)
    assert len(living(found)) == 3
    await call
    await all_gone(found)


async def test_b16_what_is_left_of_one_that_has_ended_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    ended = await run_for(shell(f"setsid sleep 1000 & echo $! > {pids}; echo done; exit 0"))
    assert ended == Ended(0, "done\n", "")
    await all_gone(pids_in(pids))


async def test_b16_one_that_prints_without_end_is_ended() -> None:
    ended = await run_for(Call(("/usr/bin/yes",)))
    assert ended.why == "it printed more than 16 MiB"
    assert len(ended.out) == KEPT_MAX


async def test_b16_what_is_printed_is_kept_up_to_a_bound_and_its_end_is_true() -> None:
    ended = await run_for(shell("head -c 3000000 /dev/zero; exit 2"))
    assert (ended.code, ended.why, len(ended.out)) == (2, "", KEPT_MAX)


async def test_b16_one_that_takes_all_memory_gets_none() -> None:
    ended = await run_for(python("bytearray(1 << 30)", memory_bytes=256 * 1_048_576))
    assert ended.code == 1
    assert "MemoryError" in ended.err


async def test_i16_it_leaves_no_core_file() -> None:
    ended = await run_for(python("import resource as r; print(r.getrlimit(4))"))
    assert ended.out == "(0, 0)\n"


async def test_b16_a_cancelled_call_leaves_nothing(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    call = asyncio.create_task(run_for(shell(f"echo $$ >> {pids}; sleep 1000")))
    found = await written(pids, 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert living(found) == []


async def test_b16_a_call_that_is_cancelled_twice_leaves_nothing(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"trap '' TERM; echo $$ >> {pids}; while :; do sleep 1; done"
    call = asyncio.create_task(run_for(shell(script)))
    found = await written(pids, 1)
    call.cancel()
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await all_gone(found)


async def test_descriptors_are_let_go(tmp_path: Path) -> None:
    before = descriptors()
    for _ in range(3):
        await run_for(shell("exit 0"))
        with pytest.raises(Temporary, match="cannot be started: No such file"):
            await run_for(Call((str(tmp_path / "absent"),)))
    assert descriptors() == before


async def test_b13_no_more_run_at_once_than_there_are_turns() -> None:
    programs, running_now, most = Programs(at_once=2), 0, 0

    async def one() -> None:
        nonlocal running_now, most
        async with programs.turn(asyncio.get_running_loop().time() + SOON_S):
            running_now += 1
            most = max(most, running_now)
            await asyncio.sleep(0.01)
            running_now -= 1

    await asyncio.gather(*(one() for _ in range(9)))
    assert most == 2


async def test_b13_questions_delay_no_order() -> None:
    programs, loop = Programs(at_once=1), asyncio.get_running_loop()
    async with programs.turn(loop.time() + SOON_S):
        with pytest.raises(Temporary, match="its turn did not come: 1 programs"):
            async with programs.turn(loop.time() + 0.05):
                pytest.fail("there was no turn")
        async with programs.turn(loop.time() + SOON_S, order=True):
            pass


async def test_one_that_runs_is_heard_and_answered() -> None:
    deadline_s = asyncio.get_running_loop().time() + SOON_S
    call = Call(("/bin/sh", "-c", "read x; echo got $x; read y; exit 3"), stdin=None)
    async with running(call) as program:
        program.say(b"it\n")
        while program.printed != b"got it\n":
            await program.until_news(deadline_s)
        assert not program.over
        program.say(b"end\n")
        assert (await program.end(deadline_s)).code == 3
        with pytest.raises((OSError, ValueError)):
            program.say(b"more\n")
