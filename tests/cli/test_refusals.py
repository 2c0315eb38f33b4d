"""Commands that cannot be followed: a clear sentence, a status, and never a traceback."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.api.desk import desk
from tests.cli.terminal import Terminal, program, typed, typed_by
from tests.engine.rig import Rig
from tests.slice.site import ME

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRANGER = 54_322
EVERY = (
    ("status",),
    ("incidents",),
    ("explain", "x"),
    ("notices",),
    ("server-state",),
    ("notices", "replay", "--why", "y", "x"),
    ("arm", "--why", "x"),
    ("disarm", "--why", "x"),
    ("maintenance", "x", "--for", "1h", "--why", "x"),
    ("maintenance", "x", "--end"),
    ("fence", "x", "--why", "x"),
    ("dismiss", "x", "--why", "x"),
    ("close", "x", "--why", "x"),
    ("cinder", "services"),
    ("cinder", "freeze", "control@alpha", "--why", "x"),
    ("confirm-off", "x", "--why", "x"),
    ("confirm-off", "x", "--why", "x", "--host-again", "x"),
)


async def test_without_a_daemon_every_command_says_so(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sock"
    said = await asyncio.gather(
        *(typed(command, "--socket", str(path), *words) for command, *words in EVERY)
    )
    for done in said:
        assert (done.status, done.out) == (1, "")
        assert done.err == (
            f"doctor-daemon: no daemon listens on {path}: is doctor-daemon running? "
            "(--socket names another)\n"
        )


async def test_a_daemon_that_was_killed_is_no_daemon(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))
    done = await typed("status", "--socket", str(path))
    assert (done.status, f"no daemon listens on {path}" in done.err) == (1, True)


@asynccontextmanager
async def answering(path: Path, words: bytes) -> AsyncIterator[None]:
    """Listen, and answer everything with the same bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        yield


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"", "does not answer: Remote end closed connection without response"),
        (b"nonsense\r\n\r\n", "does not answer: "),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "the daemon answered 200 without JSON"),
        (b"HTTP/1.1 500 Oops\r\n\r\n[]", "status 500"),
        (b'HTTP/1.1 409 No\r\n\r\n{"error": {"message": "\\u001b[2Jno"}}', "\\x1b[2Jno"),
    ],
)
async def test_an_answer_that_is_none(tmp_path: Path, words: bytes, why: str) -> None:
    path = tmp_path / "odd.sock"
    async with answering(path, words):
        done = await typed("status", "--socket", str(path))
    assert (done.status, done.out) == (1, "")
    assert why in done.err
    assert len(done.err.splitlines()) == 1


async def test_somebody_who_may_not_is_told_so() -> None:
    """Seen by a process of another user; where nobody can become one, that is what is seen."""
    async with desk() as at:
        words = ("arm", "--socket", str(at.path), "--why", "mischief")
        by_mode = await typed_by(STRANGER, *words)
        at.path.chmod(0o666)
        by_us = await typed_by(STRANGER, *words)
        assert at.engine.ward.armed.on is False
    if os.geteuid() != 0:
        assert "PermissionError" in by_mode.err
        assert "PermissionError" in by_us.err
        return
    assert (by_mode.status, by_mode.out, by_mode.err) == (
        1,
        "",
        f"doctor-daemon: {at.path} may not be used by you: be root or in the operators' group\n",
    )
    assert (by_us.status, by_us.out, by_us.err) == (
        1,
        "",
        "doctor-daemon: uid 54322 may not; expected root or a member of group doctors\n",
    )


async def test_unknown_hosts(terminal: Terminal) -> None:
    near = "host: 'compute-11' is not in the configuration; expected perhaps compute-1"
    far = "host: 'elsewhere' is not in the configuration; expected a host of the configuration"
    for command, *words in EVERY:
        if "x" in words[:1]:
            more = words[1:]
            assert await terminal.refused(command, "compute-11", *more) == near
            assert (await terminal.refused(command, "elsewhere", *more)).startswith(far)


async def test_what_the_daemon_refuses_is_said_in_its_words(terminal: Terminal) -> None:
    reason = "why: found ''; expected a text of 1 to 500 characters"
    for command, words, why in (
        ("arm", ("--why", ""), reason),
        ("fence", ("compute-1", "--why", ""), reason),
        ("dismiss", ("compute-1", "--why", "x"), "compute-1 has no open incident"),
        ("close", ("compute-1", "--why", "x"), "compute-1 has no open incident"),
        (
            "confirm-off",
            ("compute-1", "--why", "x", "--host-again", "compute-1"),
            "compute-1 has no open incident",
        ),
        ("incidents", ("--limit", "0"), "limit: found '0'; expected a number from 1 to 1000"),
        ("incidents", ("--host", "x"), "host: 'x' is not in the configuration; expected "),
        ("server-state", ("--host", "x"), "host: 'x' is not in the configuration; expected "),
        ("server-state", ("--limit", "0"), "limit: found '0'; expected a number from 1 to 200"),
        ("server-state", ("--marker", "x"), "Nova does not know the server x to go on from"),
        (
            "maintenance",
            ("compute-1", "--for", "31d", "--why", "x"),
            "for: expected up to 720 hours, found 2.6784e+06 s",
        ),
    ):
        assert (await terminal.refused(command, *words)).startswith(why)


async def test_words_of_strangers_cannot_command_a_terminal(terminal: Terminal) -> None:
    said = await terminal.well("disarm", "--why", "\x1b]0;pwned\x07\x1b[2J\u202ereversed")
    assert "\\x1b]0;pwned\\x07\\x1b[2J\\u202ereversed" in said
    assert all(char.isprintable() or char == "\n" for char in said)
    done = await typed("status", "--socket", str(terminal.place.socket), env={"LC_ALL": "C"})
    assert (done.status, f"disarmed by {ME}" in done.out) == (0, True)


async def test_letters_that_a_terminal_does_not_know(terminal: Terminal) -> None:
    await terminal.well("disarm", "--why", "Störung")
    latin = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = await typed("status", "--socket", str(terminal.place.socket), env=latin)
    assert (done.status, "St\\xf6rung" in done.out) == (0, True)


@pytest.mark.parametrize("command", ["status", "check-config"])
async def test_a_reader_that_has_seen_enough_is_no_error(terminal: Terminal, command: str) -> None:
    place = terminal.place
    words = (
        ["--socket", str(place.socket)] if command == "status" else ["--config", str(place.config)]
    )
    script = (
        "import os, sys; from doctor_daemon.cli.main import main; "
        "out, into = os.pipe(); os.close(out); os.dup2(into, 1); "
        f"sys.stdout.reconfigure(line_buffering=True); sys.exit(main({[command, *words]!r}))"
    )
    done = await program("-c", script)
    assert (done.status, done.err) == (0, "")


async def test_a_daemon_in_trouble_says_what_it_is() -> None:
    rig = Rig()
    async with desk(rig) as at:
        rig.disk.failures = 1
        done = await typed("arm", "--socket", str(at.path), "--why", "x")
    assert (done.status, done.err) == (1, "doctor-daemon: disk full\n")
