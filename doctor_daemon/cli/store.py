"""`store export | import`: a whole state as a file, and a file as a whole state.

The store is the one that the configuration names, of whatever kind. No daemon may have it open, and
none can while this runs. The file is read to its end before the first of it is put in.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from doctor_daemon.core.audit import Broken, Check, Row
from doctor_daemon.core.incident import Incident
from doctor_daemon.errors import Permanent
from doctor_daemon.ports.moving import Inventory, Moving, Record, Told, moving_of

WORD = "store"
TEXTS = (
    "write the whole state to a file, or put it into an empty store",
    "So it moves from SQLite to etcd, and back. No daemon may have the store open meanwhile.",
)
TOLD_EVERY_S = 2.0
BREATHER = 50
"""After so many records a signal has its turn."""
LEFT = "the store is not whole, and no daemon opens it: give the import once more"


def add(command: Callable[..., Any], config: Path) -> None:
    """Describe the command, which `command` makes."""
    verbs = command(WORD, *TEXTS).add_subparsers(required=True, metavar="VERB", dest="verb")
    for word, way, text in (
        ("export", "--to", "write all that is in the store to a file, which must not be there"),
        ("import", "--from", "put all that is in such a file into a store that holds nothing"),
    ):
        about = f"{text[:1].upper()}{text[1:]}."
        one = verbs.add_parser(word, help=text, description=about, allow_abbrev=False)
        one.add_argument(
            "--config", type=Path, default=config, metavar="FILE", help=f"default: {config}"
        )
        one.add_argument(way, dest="file", type=Path, required=True, metavar="FILE")


def run(options: argparse.Namespace) -> int:
    """Do what was asked for; return the exit status."""
    from doctor_daemon import log  # noqa: PLC0415 - the other commands need none of it
    from doctor_daemon.main import ended  # noqa: PLC0415 - as above

    log.setup("text", "warning")  # a library's own words go to standard error, and redacted
    try:
        said = _exported(options) if options.verb == "export" else _imported(options)
        sys.stdout.write(f"{said}\n")
        return 0
    except BrokenPipeError:
        raise
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None  # it was told to end, by whatever signal
    except Exception as error:  # noqa: BLE001 - a bug, too, is told without secrets
        return ended(error)
    finally:
        log.close()


class Watch:
    """Sees records go by: says how far it has come, and follows the chain of the audit."""

    def __init__(
        self,
        what: str,
        inventory: Inventory,
        *,
        tell: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin before the first. `what` is done; `now` is in seconds."""
        self._what, self._inventory, self._tell, self._now = what, inventory, tell, now
        self._told_s = now()
        self._records = self._incidents = self._open = self._notices = self._lines = 0
        self._check = Check(inventory.anchor)
        self._broken = ""

    @property
    def begun(self) -> bool:
        """Whether a record has gone by."""
        return self._records > 0

    def take(self, record: Record) -> None:
        """See one."""
        self._records += 1
        match record:
            case Incident():
                self._incidents += 1
                self._open += not record.phase.final
            case Told():
                self._notices += 1
            case Row():
                self._lines += 1
                self._follow(record)
            case _:
                pass
        now_s = self._now()
        if now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            self._tell(self.progress())

    async def pause(self) -> None:
        """Let signals have their turn, from time to time: a file is read without any wait."""
        if self._records % BREATHER == 0:
            await asyncio.sleep(0)

    def progress(self) -> str:
        """Say how far it has come."""
        all_ = self._inventory
        lines = all_.last.number - all_.anchor.number
        return (
            f"{self._what}: {self._incidents} of {all_.incidents} incidents,"
            f" {self._notices} of {all_.notices} notices, {self._lines} of {lines} audit lines"
        )

    def summary(self) -> str:
        """Say what it was, once all have gone by."""
        self._follow(None)
        last, first = self._inventory.last, self._inventory.anchor.number + 1
        audit = f"{self._lines} lines of the audit, {first} to {last.number}"
        if not self._lines:
            audit = "no lines of the audit"
        return (
            f"{self._what}: {self._incidents} incidents, {self._open} of them open;"
            f" {self._notices} notices; {audit}\n"
            f"{self._broken or f'the audit is whole, last {last.number}:{last.hash}'}"
        )

    def _follow(self, row: Row | None) -> None:
        """Follow the chain to a line, or to its end. One that is broken is moved as it is."""
        if self._broken:
            return
        try:
            if row is not None:
                self._check.take(row)
            else:
                self._check.end(self._inventory.last)
        except Broken as error:
            self._broken = f"the audit is NOT whole, and is so as it was before: {error}"


def _tell(text: str) -> None:
    sys.stderr.write(f"doctor-daemon: {text}\n")


def _opened(options: argparse.Namespace) -> tuple[Moving, Path | None]:
    """Return what moves the state of the configuration, and the file whose lock it needs."""
    from doctor_daemon.config import load  # noqa: PLC0415 - the other commands need none of it

    choice = load(options.config).store
    moving = moving_of(choice.plugin, choice.config)
    if moving is None:
        raise Permanent(f"state: what a store of type {choice.kind} holds cannot be moved")
    return moving, getattr(choice.config, "path", None)


def _exported(options: argparse.Namespace) -> str:
    moving, path = _opened(options)
    return asyncio.run(_export(moving, path, options.file))


async def _export(moving: Moving, path: Path | None, file: Path) -> str:
    from doctor_daemon.locks.local import locked  # noqa: PLC0415 - as above
    from doctor_daemon.stores.moved_file import written  # noqa: PLC0415 - as above

    _heed_signals()
    async with locked(path), moving.given() as (inventory, records):
        watch = Watch("exported", inventory, tell=_tell)
        with written(file, inventory) as write:
            async for record in records:
                write(record)
                watch.take(record)
                await watch.pause()
    return watch.summary()


def _imported(options: argparse.Namespace) -> str:
    from doctor_daemon.stores.moved_file import check_sum, reading  # noqa: PLC0415 - as above

    moving, path = _opened(options)
    check_sum(options.file)
    with reading(options.file) as (inventory, records):
        read = Watch("read", inventory, tell=_tell)
        for record in records:
            read.take(record)
    with reading(options.file) as (inventory, records):
        watch = Watch("imported", inventory, tell=_tell)
        try:
            asyncio.run(_import(moving, path, inventory, _seen(records, watch)))
        except BaseException:
            if watch.begun:
                _tell(LEFT)
            raise
    return watch.summary()


async def _import(
    moving: Moving, path: Path | None, inventory: Inventory, records: AsyncIterator[Record]
) -> None:
    from doctor_daemon.locks.local import locked  # noqa: PLC0415 - as above

    _heed_signals()
    async with locked(path):
        await moving.fill(inventory, records)


async def _seen(records: Iterator[Record], watch: Watch) -> AsyncIterator[Record]:
    for record in records:
        watch.take(record)
        await watch.pause()
        yield record


def _heed_signals() -> None:
    """Have a signal end this as Ctrl-C does: no half of a file is left behind, and no lease."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if task is not None and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            loop.add_signal_handler(number, task.cancel)
