"""`doctor-daemon demo`, from its options to its exit status.

A signal ends it as its own end would: everything that was started is ended and removed. Only the
first one counts, so that a second Ctrl-C does not leave a daemon behind.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from doctor_daemon.cli.demo.daemon import Broken, Daemon
from doctor_daemon.cli.demo.play import opening, played, prepared
from doctor_daemon.cli.demo.screen import Screen
from doctor_daemon.cli.demo.stage import DEAD, Size, Stage
from doctor_daemon.cli.demo.stories import Story, listed, named

WRONG, INTERRUPTED = 2, 130
LIST = "list"
NAME = "doctor-daemon"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: argparse.Namespace) -> int:
    """Tell the story that was asked for; return the exit status: 0 only if it ended right."""
    if options.fault == LIST:
        sys.stdout.writelines(f"{line}\n" for line in listed())
        return 0
    story = named(options.fault)
    if story is None:
        known = "a name that `doctor-daemon demo --fault list` shows"
        return _wrong("fault", repr(options.fault), known)
    if options.servers < story.servers_min:
        least = f"at least {story.servers_min} for the story {story.name}"
        return _wrong("servers", options.servers, least)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # each BMC listens by itself
    size = Size(hosts=options.host_count, servers=options.servers, evacuate_s=story.evacuate_s)
    return asyncio.run(_told(story, size, options))


def _wrong(option: str, found: object, expected: str) -> int:
    sys.stderr.write(f"doctor-daemon: --{option}: found {found}; expected {expected}\n")
    return WRONG


@dataclass(slots=True)
class _End:
    """Turns the first signal into what it means at that time."""

    act: Callable[[], object]
    came: bool = False
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def __post_init__(self) -> None:
        for number in SIGNALS:
            self._loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if not self.came:
            self.came = True
            self.act()


async def _told(story: Story, size: Size, options: argparse.Namespace) -> int:
    task = asyncio.current_task()
    end = _End(task.cancel if task else lambda: None)
    try:
        with Screen.standard() as screen:
            return await _story(story, size, options, screen, end)
    except asyncio.CancelledError:
        if not end.came:
            raise
        return INTERRUPTED
    except Broken as error:
        sys.stderr.write(f"doctor-daemon: demo: {error}\n")
        return 1


async def _story(
    story: Story, size: Size, options: argparse.Namespace, screen: Screen, end: _End
) -> int:
    opening(story, screen)
    async with prepared(story, size, screen) as (stage, daemon):
        judgement = await played(story, stage, daemon, screen)
        screen.summary(judgement.counted, judgement.wrong, story.end.text)
        if options.keep:
            _hints(stage, daemon, screen)
        if options.json:
            screen.last(judgement.counted)
        if options.keep:
            stop = asyncio.Event()
            end.act = stop.set
            await stop.wait()
    return 1 if judgement.wrong else 0


def _hints(stage: Stage, daemon: Daemon, screen: Screen) -> None:
    """Say how to talk to what is left running."""
    called = Path(sys.argv[0])
    program = called if called.name == NAME else NAME  # it need not be in the PATH
    screen.say()
    screen.say(f"Everything runs on until Ctrl-C (the daemon is process {daemon.pid}):")
    screen.say(f"  {program} status --socket {stage.socket}")
    screen.say(f"  {program} explain --socket {stage.socket} {DEAD}")
    screen.say(f"  curl {stage.lab.control_url}/hosts    the truth; /record, /receipts, /faults")
    screen.say(f"  less {stage.log}")
