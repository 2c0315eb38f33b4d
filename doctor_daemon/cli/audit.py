"""`audit`: what the daemon has done and was told to do, and whether that record is whole.

The chain is followed here and not by the daemon, line by line. From a file it is followed without
any daemon: whoever has been given the file needs this program alone.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from doctor_daemon.cli.client import Unanswered, ask
from doctor_daemon.core.audit import Broken, Check, Link, Row, canonical

Json = dict[str, Any]
Lines = Iterable[tuple[Link, Link, list[Json]]]
"""Pages: the last line that was dropped, the last that was written, and lines in order."""

WORD = "audit"
TEXTS = (
    "show what was done and ordered, and check that the record of it is whole",
    "Each effect has an intent, saved before it, and a result; each order is one line.",
)
FORMAT = "doctor-daemon audit 1"
PAGE = 1000
TURNS = 3
LINE_MAX = 1024 * 1024
"""Characters of one line of a file."""
NOT_ASKED = 2
"""Exit status of `verify` where nothing could be followed: 1 says that the chain is broken."""
NO_LINE = "it is no line of an audit"
PRUNED = "lines are being dropped for their age just now: ask again"
_LINK = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")


def add(made: Any) -> None:  # noqa: ANN401 - argparse names no public type
    """Describe the command."""
    verbs = made.add_subparsers(required=True, metavar="VERB", dest="verb")

    def verb(word: str, text: str) -> Any:  # noqa: ANN401 - as above
        about = f"{text[:1].upper()}{text[1:]}."
        one = verbs.add_parser(word, help=text, description=about, allow_abbrev=False)
        kept = argparse.SUPPRESS  # left out here they are what was typed before the verb
        one.add_argument("--socket", type=Path, default=kept, help="the daemon's socket")
        one.add_argument("--json", action="store_true", default=kept, help="print it as JSON")
        return one

    one = verb("list", "list lines: the last ones, or those from a number on")
    one.add_argument("--from", dest="first", type=_number, metavar="N", help="from this line on")
    one.add_argument("--limit", type=_number, default=50, metavar="N", help="default: 50")
    one = verb("show", "show one line, whole")
    one.add_argument("number", type=_number, metavar="NUMBER", help="as the list has it")
    one = verb("verify", "follow the chain: status 0 if it is whole, 1 if not, 2 if unknown")
    one.add_argument("--file", type=Path, help="of an export, and not of the daemon")
    one.add_argument(
        "--last",
        type=_link,
        metavar="NUMBER:HASH",
        help="a line as you noted it before: it must be there, and the same",
    )
    verb("export", "print all lines as JSON, one a line, for `verify --file`")


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < len("1" * 16) else 0
    if number < 1:
        msg = f"found {text!r}; expected a number from 1 up"
        raise argparse.ArgumentTypeError(msg)
    return number


def _link(text: str) -> Link:
    found = _LINK.fullmatch(text)
    if not found:
        msg = f"found {text!r}; expected a line's number and hash, as `audit verify` says them"
        raise argparse.ArgumentTypeError(msg)
    return Link(int(found[1]), found[2])


def asked(options: argparse.Namespace) -> Json:
    """Return what was asked for. Raise Unanswered."""
    if options.verb == "verify":
        if options.file is None:
            return _verified(lambda: _pages(options.socket), options.last)
        return _verified(lambda: _read(options.file), options.last)
    if options.verb == "show":
        found = _page(options.socket, options.number - 1, 1)
        if not found["lines"] or found["lines"][0]["number"] != options.number:
            kept = f"{found['anchor']['number'] + 1} to {found['last']['number']}"
            msg = f"there is no line {options.number}; kept are {kept}"
            raise Unanswered(msg)
        line: Json = found["lines"][0]
        return line
    return _page(options.socket, options.first and options.first - 1, options.limit)


def status(found: Json) -> int:
    """Return the exit status: 1 for a chain that is not whole."""
    return 0 if found.get("whole", True) else 1


def exported(options: argparse.Namespace) -> Iterator[str]:
    """Yield all lines as JSON, after the ends of the chain. Raise Unanswered."""
    at = -1
    for anchor, last, lines in _pages(options.socket):
        if at < 0:
            ends = {"anchor": _as_json(anchor), "last": _as_json(last)}
            yield json.dumps({"format": FORMAT, **ends})
        elif anchor.number > at:
            raise Unanswered(PRUNED)
        yield from map(json.dumps, lines)
        at = lines[-1]["number"] if lines else max(at, anchor.number)


def _as_json(link: Link) -> Json:
    return {"number": link.number, "hash": link.hash}


# what is followed


def _page(socket: Path, after: int | None, limit: int) -> Json:
    named = "" if after is None else f"after={after}&"
    found: Json = ask(socket, "GET", f"/v1/audit?{named}limit={min(limit, PAGE)}")
    return found


def _pages(socket: Path) -> Iterator[tuple[Link, Link, list[Json]]]:
    """Yield what the daemon has, up to the line that was the last at first."""
    at, last = 0, None
    while True:
        found = _page(socket, at, PAGE)
        anchor, newest = _ends(found)
        last = last or newest
        lines = [line for line in found["lines"] if line["number"] <= last.number]
        yield anchor, last, lines
        if not lines or lines[-1]["number"] >= last.number:
            return
        at = lines[-1]["number"]


def _read(file: Path) -> Iterator[tuple[Link, Link, list[Json]]]:
    """Yield what a file has. Raise Unanswered if it is none of an export."""
    try:
        with file.open(encoding="utf-8") as read:
            head = _parsed(read.readline(LINE_MAX))
            if head.get("format") != FORMAT:
                msg = f"{file} is no export of the audit that this version knows"
                raise Unanswered(msg)
            anchor, last = _ends(head)
            yield anchor, last, []
            while text := read.readline(LINE_MAX):
                yield anchor, last, [_parsed(text)]
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read: {error}"
        raise Unanswered(msg) from None


def _parsed(text: str) -> Json:
    """Read one line; what is no object is an empty one, and is found to be no line.

    So is what has a name twice: whoever reads it with another program may see the other value.
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return found


def _ends(found: Json) -> tuple[Link, Link]:
    try:
        ends = [Link(int(one["number"]), str(one["hash"])) for one in map(found.get, _ENDS) if one]
        return ends[0], ends[1]
    except (KeyError, IndexError, TypeError, ValueError):
        msg = "what was read has no ends of a chain"
        raise Unanswered(msg) from None


_ENDS = ("anchor", "last")


def _row(line: Json, expected: int) -> Row:
    """Return a line as a row. Raise Broken if it is none."""
    match line:
        case {"number": int(number), "hash": str(hash_), "record": dict(record), **more} if (
            not more and number is not True
        ):
            try:
                return Row(number, hash_, canonical(record))
            except (ValueError, RecursionError):
                raise Broken(expected, NO_LINE) from None
        case _:
            raise Broken(expected, NO_LINE)


# the verdict


def _verified(read: Callable[[], Lines], noted: Link | None) -> Json:
    """Follow a chain from end to end. What is pruned meanwhile is followed anew."""
    for _ in range(TURNS):
        try:
            found = _followed(read(), noted)
        except Broken as error:
            return {"whole": False, "number": error.number, "why": str(error)}
        if found is not None:
            return found
    raise Unanswered(PRUNED)


def _followed(pages: Lines, noted: Link | None) -> Json | None:
    check, first = None, Link(0, "")
    last = first
    for anchor, ending, lines in pages:
        if check is None:
            check, first = Check(anchor), anchor
        elif anchor.number > check.at.number:
            return None
        for line in lines:
            row = _row(line, check.at.number + 1)
            check.take(row)
            if noted is not None and row.number == noted.number and row.hash != noted.hash:
                raise Broken(row.number, "it is another one than was noted")
        last = ending
    if check is None:
        return None
    _end(check, last, noted, first)
    return {
        "whole": True,
        "first": first.number + 1,
        "last": _as_json(check.at),
        "unknown": [{"number": n, "id": id_} for id_, n in check.open.items()],
    }


def _end(check: Check, last: Link, noted: Link | None, anchor: Link) -> None:
    """See that the chain ends where it is to end, and has what was noted."""
    check.end(last)
    if noted is None:
        return
    if noted.number < anchor.number:
        msg = f"line {noted.number} was dropped for its age: note a later one"
        raise Unanswered(msg)
    if noted.number == anchor.number and noted.hash != anchor.hash:
        raise Broken(noted.number, "it is another one than was noted")
    if noted.number > check.at.number:
        raise Broken(noted.number, "it is missing, and was noted")
