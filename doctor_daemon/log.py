"""The log: one line an event, with the daemon's mode and whether it is armed on every line.

Nobody is meant to log a secret; that somebody will is what `clean` is for. It is the last step
before a line is written, for this program's events and for those of the libraries it uses alike.
Whatever a line quotes may come from a stranger, so control characters are spelled out and lengths
have limits: no text can forge a second line or fill the disk by itself.

Lines are written by a thread of their own: a full pipe must not stop the daemon. When more lines
wait than there is room for, they are dropped and counted, and the next line says how many.
"""

from __future__ import annotations

import atexit
import json
import logging
import math
import queue
import re
import sys
import threading
from collections.abc import Mapping
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from typing_extensions import override

from doctor_daemon.ports.secrets import REDACTED, conceal

TEXT_MAX = 4_096
"""Characters of one value; of a traceback, four times as many."""
ITEMS_MAX = 64
DEPTH_MAX = 4
LINE_MAX = 65_536
WAITING_MAX = 10_000
CLOSE_S = 2.0
HEAD = ("timestamp", "level", "mode", "armed", "event", "logger")

Format = Literal["json", "text"]

_SECRET_KEY = re.compile(
    r"pass$|password|passwd|passphrase|secret|token|authorization|cookie|credential"
    r"|api_?key|private_?key|signature"
)
_NAMED = (
    r"(?i)((?:password|passwd|passphrase|secret|token|api[-_]?key"
    r"|private[-_]?key|signature)(?![\w-]{0,40}_file\b)[\w-]{0,40}[\"']?[ \t]{0,4}[:=][ \t]{0,4})"
    r"(?!\[redacted)(?:\"[^\"]*\"|'[^']*'|[^\s,;&})\]]+)"
)
_PATTERNS = (
    (
        re.compile(
            r"(?i)\b((?:cookie|authorization)[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?)[^\"'\r\n]+"
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(?i)\b(bearer|basic|negotiate|digest) [\w.~+/=-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"://[^/\s]{1,512}@"), f"://{REDACTED}@"),
    (re.compile(r"\bgAAAA[\w-]{20,}={0,2}"), REDACTED),  # a Fernet token, as Keystone gives out
    (re.compile(_NAMED), rf"\1{REDACTED}"),
)
# C0 and C1, line and paragraph separators, what turns the direction of writing, half a character.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_CONTROL_BUT_NEWLINE = re.compile(_CONTROL.pattern.replace(r"\x1f", r"\x09\x0b-\x1f"))

_standing: dict[str, object] = {"mode": "unknown", "armed": False}


def standing(*, mode: str, armed: bool) -> None:
    """Have every line from now on say so."""
    _standing.update(mode=mode, armed=armed)


def secret_key(key: str) -> bool:
    """Tell whether what stands under this name is probably a secret. A secret's file is none."""
    name = key.lower().replace("-", "_")
    return bool(_SECRET_KEY.search(name)) and not name.endswith("_file")


def redact(text: str) -> str:
    """Strike out what was read as a secret, and what looks like one."""
    text = conceal(text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def escaped(text: str, *, newlines: bool = False) -> str:
    """Spell out control characters, newlines too unless they may stay."""
    unsafe = _CONTROL_BUT_NEWLINE if newlines else _CONTROL
    return unsafe.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable(text: str, limit: int = TEXT_MAX, *, newlines: bool = False) -> str:
    """Redact, spell out control characters, and cut to so many characters."""
    text = redact(text[: limit * 4])  # nobody's megabyte is searched through
    text = escaped(text, newlines=newlines)
    return text if len(text) <= limit else f"{text[:limit]}... (cut)"


def clean(value: object, depth: int = 0) -> object:
    """Return the value as plain data that is safe to write."""
    if isinstance(value, str):
        return printable(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return printable(value[:LINE_MAX].decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping) and depth < DEPTH_MAX:
        return {
            printable(str(key)): REDACTED if secret_key(str(key)) else clean(item, depth + 1)
            for key, item in list(value.items())[:ITEMS_MAX]
        }
    if isinstance(value, list | tuple | set | frozenset) and depth < DEPTH_MAX:
        return [clean(item, depth + 1) for item in list(value)[:ITEMS_MAX]]
    return printable(_said(value))


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown is no reason to lose the line
        return f"<a {type(value).__name__} that cannot be shown>"


def _stand(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {**_standing, **event}


def _clean(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    traces = {
        key: printable(str(event.pop(key)), 4 * TEXT_MAX, newlines=True)
        for key in ("exception", "stack")
        if event.get(key)
    }
    cleaned = clean(event)
    return {**cleaned, **traces} if isinstance(cleaned, dict) else traces


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    head = {key: event.pop(key, "") for key in HEAD}
    line = json.dumps({**head, **event})
    if len(line) <= LINE_MAX:
        return line
    return json.dumps({**head, "cut": f"{len(line)} characters"})


def _as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    traces = [event.pop(key, "") for key in ("exception", "stack")]
    head = {key: event.pop(key, "") for key in HEAD}
    armed = "armed" if head["armed"] else "disarmed"
    first = f"{head['timestamp']} {head['level']:<8} [{head['mode']}, {armed}] {head['event']}"
    rest = [
        f"{key}={_quoted(value)}" for key, value in (*event.items(), ("logger", head["logger"]))
    ]
    line = " ".join((first, *rest))
    if len(line) > LINE_MAX:
        line = f"{line[:LINE_MAX]}... (cut)"
    told = "\n".join(text for text in traces if text)
    # Indented, so that no line of a traceback can pass for an event.
    return "\n    | ".join((line, *told.splitlines()))


def _quoted(value: object) -> str:
    if isinstance(value, str) and value and not re.search(r"[\s\"'=]", value):
        return value
    return json.dumps(value, ensure_ascii=False)


class Writer(logging.Handler):
    """Hands formatted lines to a thread that writes them to a stream."""

    def __init__(self, stream: TextIO, waiting_max: int = WAITING_MAX) -> None:
        super().__init__()
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(waiting_max)
        self._dropped = 0
        self._unwritten = 0
        """Counted by the thread; the other two counts are under the handler's lock."""
        self._told = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """How many lines there was no room for: neither in the queue, nor where they go to."""
        return self._dropped + self._unwritten

    @override
    def emit(self, record: logging.LogRecord) -> None:
        lost = self.lost
        try:
            if lost > self._told:
                told = f"{lost - self._told} lines of the log were lost"
                self._lines.put_nowait(self.format(_warning(told)))
                self._told = lost
            self._lines.put_nowait(self._line(record))
        except queue.Full:
            self._dropped += 1

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        except Exception:  # noqa: BLE001 - what cannot be formatted may hold anything: say where
            where = f"{record.filename}:{record.lineno}"
            return self.format(_warning(f"a line of {record.name} at {where} cannot be shown"))

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(f"{line}\n")
                if self._lines.empty():
                    self._stream.flush()
            except (
                OSError,
                ValueError,
            ):  # a full disk may have room again; a closed stream has not
                self._unwritten += 1

    @override
    def close(self) -> None:
        """Write what is waiting, for as long as that is bearable."""
        try:
            self._lines.put(None, timeout=CLOSE_S)
        except queue.Full:
            return super().close()
        self._thread.join(CLOSE_S)
        return super().close()


def _warning(text: str) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.WARNING, "", 0, text, None, None)


def setup(format_: Format, level: str, stream: TextIO | None = None) -> None:
    """Log to a stream (standard error) from `level` up. May be called again: the last one holds."""
    close()
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _stand,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    last = _as_json if format_ == "json" else _as_text
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    writer = Writer(stream or sys.stderr)
    writer.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain, processors=[remove, _clean, last]
        )
    )
    logging.getLogger().addHandler(writer)
    logging.getLogger().setLevel(level.upper())
    # One line for each request would bury what happens; the metrics count them.
    logging.getLogger("aiohttp.access").setLevel("DEBUG" if level == "debug" else "WARNING")


def close() -> None:
    """Write what is waiting, and stop logging."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, Writer)]:
        root.removeHandler(handler)
        handler.close()


atexit.register(close)
