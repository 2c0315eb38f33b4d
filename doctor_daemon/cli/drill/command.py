"""`doctor-daemon drill`, from its options to its exit status: 0 only for a drill that passed.

A first signal ends the drill where it is; what is left is said before anything is done about it,
and a second signal ends that too. A terminal that is closed (SIGHUP) counts as a signal.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from doctor_daemon import log
from doctor_daemon.cli.client import Unanswered
from doctor_daemon.cli.drill.clouds import clouds
from doctor_daemon.cli.drill.course import Course
from doctor_daemon.cli.drill.daemon import Daemon
from doctor_daemon.cli.drill.refusals import allowed
from doctor_daemon.cli.drill.report import PASSED, Declined, Report, Stopped
from doctor_daemon.cli.show import plain
from doctor_daemon.config import Settings, load
from doctor_daemon.config.drill import Drill
from doctor_daemon.core.host import HostPlan
from doctor_daemon.errors import DoctorError

FAILED_STATUS, INTERRUPTED_STATUS = 1, 130
logger: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WARNING = (
    "The power of {host} will really be cut, and Nova told that it is down. A server that Nova "
    "puts there in the next seconds goes down with it."
)

Options = argparse.Namespace


def run(options: Options) -> int:
    """Run a drill; return the exit status."""
    log.setup("text", "error")  # a library's own words go to standard error, and redacted
    try:
        return _told(options, Report(options.canary))
    finally:
        log.close()


def _told(options: Options, report: Report) -> int:
    status = FAILED_STATUS
    try:
        settings = load(options.config)
        drill, plan = allowed(settings, options.canary)
        report.host = plan.host.name
        if not options.yes:
            asyncio.run(_run(options, settings, (drill, plan), report, _checked))
        if not report.verdict and (options.yes or _typed(report)):
            asyncio.run(_run(options, settings, (drill, plan), report, _drilled))
        status = 0 if report.verdict == PASSED else FAILED_STATUS
    except (Declined, DoctorError) as error:
        report.end("refused", str(error))
    except KeyboardInterrupt:
        report.end("interrupted", "it was told to stop")
    for line in report.lines():
        sys.stdout.write(f"{plain(line)}\n")
    if options.json:
        sys.stdout.write(f"{report.json()}\n")
    return INTERRUPTED_STATUS if report.verdict == "interrupted" else status


def _typed(report: Report) -> bool:
    """Have the host's name typed."""
    sys.stderr.write(f"\n{WARNING.format(host=report.host)}\nType its name to begin the drill: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if typed != report.host:
        report.end("refused", f"found {typed!r}; expected {report.host}, typed out")
    return typed == report.host


async def _run(
    options: Options,
    settings: Settings,
    what: tuple[Drill, HostPlan],
    report: Report,
    work: Callable[[Course], Awaitable[object]],
) -> None:
    drill, plan = what
    socket = options.socket or settings.operators.socket
    async with clouds(settings) as asked:
        course = Course(
            drill=drill,
            plan=plan,
            clouds=asked,
            daemon=Daemon(socket, plan.host.name, report),
            report=report,
            why=options.why,
            stays_disabled=not (settings.policy.enable and plan.way_back.enable),
        )
        async with _signalled():
            await _ended(course, work)


async def _checked(course: Course) -> None:
    """Only see whether it may begin."""
    await course.check()


async def _drilled(course: Course) -> None:
    await course.run()


async def _ended(course: Course, work: Callable[[Course], Awaitable[object]]) -> None:
    """Do it, or say why not, and see to the canary in any case."""
    task = asyncio.current_task()
    try:
        await work(course)
    except (Stopped, Unanswered, DoctorError) as error:
        course.stopped(error)
    except Exception as error:
        logger.exception("internal error")
        course.stopped(error)  # a bug leaves no canary behind either
    except asyncio.CancelledError as error:
        if task is not None:
            task.uncancel()
        course.stopped(error)
    try:
        await course.tidy()
    except asyncio.CancelledError:
        if task is not None:
            task.uncancel()


@asynccontextmanager
async def _signalled() -> AsyncIterator[None]:
    """Let a signal cancel what is being done, and nothing more."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in SIGNALS:
        loop.add_signal_handler(number, task.cancel if task else str)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
