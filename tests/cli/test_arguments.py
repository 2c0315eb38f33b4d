"""What can be typed, and what is said where it was typed wrongly."""

from __future__ import annotations

import pytest

from doctor_daemon import __version__
from doctor_daemon.cli.arguments import CONFIG, SOCKET, parse
from doctor_daemon.cli.main import COMMANDS
from tests.cli.terminal import typed

ALONE = {"run", "check-config", "demo", "drill", "heartbeat", "heartbeat-key", "watchdog", "store"}
"""Commands that ask no running daemon."""
ASKING = sorted(set(COMMANDS) - ALONE)
PLAIN = ("probe", "status", "incidents", "notices", "server-state")
REASONED = ("arm", "disarm", "fence", "dismiss", "close", "release", "power-on", "confirm-off")
ALSO = ("maintenance", "drill", "release-hosts", "step-down")
"""What takes a reason besides."""


def said(words: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    """Return what is said instead of doing anything, in one line."""
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == status
    out, err = capsys.readouterr()
    return " ".join((out if status == 0 else err).split())


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("4h", 14400), ("2d", 172_800), ("1.5h", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse(["maintenance", "x", "--for", text, "--why", "y"]).for_s == seconds
    assert parse(["confirm-off", "x", "--for", text, "--why", "y"]).for_s == seconds


@pytest.mark.parametrize(
    "text", ["90", "h", "4H", "1w", "-1h", "0s", "0.0h", "1e3s", "nan", "inf", "1 h", "٣h", ""]
)
def test_wrong_durations(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("maintenance", "confirm-off"):
        told = said([command, "x", f"--for={text}", "--why", "y"], capsys)
        assert told.endswith(
            f"error: argument --for: found {text!r}; expected a number above 0 and a unit: "
            "90s, 15m, 4h, 2d"
        )


@pytest.mark.parametrize(
    "words",
    [[], ["--for", "1h"], ["--why", "x"], ["--end", "--for", "1h"], ["--end", "--why", "x"]],
)
def test_half_a_maintenance_is_none(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    told = said(["maintenance", "x", *words], capsys)
    assert told.endswith("error: maintenance: expected --for TIME and --why REASON, or --end alone")


def test_what_changes_something_wants_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    for command in REASONED:
        words = [command] if command in ("arm", "disarm") else [command, "x"]
        told = said(words, capsys)
        assert told.endswith("error: the following arguments are required: --why")


def test_a_host_has_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["explain", ""], ["fence", " ", "--why", "x"], ["incidents", "--host", ""]):
        assert said(words, capsys).endswith("found nothing; expected the name of a host")
    assert parse(["explain", " compute-1 "]).host == "compute-1"


def test_options_are_not_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(["confirm-off", "x", "--why", "y", "--host", "x"], capsys)
    assert "unrecognized arguments: --host x" in told
    assert "unrecognized arguments: --js" in said(["status", "--js"], capsys)


def test_an_evacuation_is_taken_for_stuck_with_its_destination(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["release", "x", "--why", "y"]
    assert parse(words).accept_stuck is None
    both = parse([*words, "--accept-stuck", "17@cmp-2", "--accept-stuck", "18"])
    assert both.accept_stuck == ["17@cmp-2", "18"]
    for wrong in ("", "cmp-2", "17@", "@cmp-2", "17 @cmp-2", "-1@cmp-2", "\u0661@cmp-2"):
        told = said([*words, f"--accept-stuck={wrong}"], capsys)
        assert "expected the evacuation's number and its destination: 17@compute-2" in told
    assert "unrecognized arguments" in said(
        ["fence", "x", "--why", "y", "--accept-stuck=1"], capsys
    )


def test_defaults() -> None:
    for command in ASKING:
        words = {
            "maintenance": ["x", "--end"],
            "explain": ["x"],
            "arm": ["--why", "y"],
            "audit": ["verify"],
            "cinder": ["services"],
            "host": ["decommission", "x", "--why", "y"],
            "release-hosts": ["3", "--why", "y"],
        }
        alone = command in {"disarm", "step-down"}
        more = words.get(command, ["--why", "y"] if alone else ["x", "--why", "y"])
        options = parse([command, *(more if command not in PLAIN else [])])
        assert (options.socket, options.json, options.command) == (SOCKET, False, command)
    assert parse(["run"]).config == parse(["check-config"]).config == CONFIG
    assert parse(["confirm-off", "x", "--why", "y"]).for_s == 900.0
    released = parse(["release-hosts", "3", "--why", "y"])
    assert (released.count, released.for_s) == (3, 900.0)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    whole = said(["--help"], capsys, status=0)
    for command in COMMANDS:
        assert f" {command} " in whole
        told = said([command, "--help"], capsys, status=0)
        assert told.startswith(f"usage: doctor-daemon {command} ")
        assert told.endswith(
            "Exit status: 0 done; 1 not done, and why is on standard error; 2 wrongly typed."
        )
        assert ("--socket" in told) == (command in (*ASKING, "drill"))
        assert ("--json" in told) == (command in (*ASKING, "demo", "drill"))
        configured = ("run", "check-config", "drill", "heartbeat", "probe", "watchdog")
        assert ("--config" in told) == (command in configured)
        assert ("--why" in told) == (command in (*REASONED, *ALSO))
    assert "destroys their disks" in said(["confirm-off", "--help"], capsys, status=0)


def test_the_state_of_servers_is_asked_of_a_host_or_a_project(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = parse(["server-state", "--host", " cmp-1 ", "--limit", "5", "--marker", "s1"])
    assert (options.host, options.project, options.limit, options.marker) == (
        "cmp-1",
        None,
        5,
        "s1",
    )
    told = said(["server-state", "--host", "cmp-1", "--project", "p"], capsys)
    assert "argument --project: not allowed with argument --host" in told


async def test_the_program_itself() -> None:
    done = await typed("--version")
    assert (done.status, done.out) == (0, f"doctor-daemon {__version__}\n")
    for words in ((), ("reboot",), ("explain",)):
        done = await typed(*words)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("usage: doctor-daemon")
