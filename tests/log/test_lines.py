"""What stands on a line, and how lines get out. D5, D9, E5, I-20."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable

import structlog

from doctor_daemon import log
from doctor_daemon.log import LINE_MAX, TEXT_MAX, Writer
from tests.log.conftest import Lines, logger


def test_an_event_is_one_object(lines: Lines) -> None:
    logger().info("cut sent", host="cmp-7", seconds=0.25, tries=2, off=None, ok=True)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "mode": "unknown",
        "armed": False,
        "event": "cut sent",
        "logger": "doctor_daemon.test",
        "host": "cmp-7",
        "seconds": 0.25,
        "tries": 2,
        "off": None,
        "ok": True,
    }


def test_d5_mode_and_armed_stand_on_every_line(lines: Lines) -> None:
    log.standing(mode="fence", armed=False)
    logger().info("one")
    log.standing(mode="fence", armed=True)
    logging.getLogger("aiohttp.server").warning("two")
    thread = threading.Thread(target=lambda: logger().info("three"))
    thread.start()
    thread.join()
    assert [(line["mode"], line["armed"]) for line in lines()] == [
        ("fence", False),
        ("fence", True),
        ("fence", True),
    ]


def test_bound_fields_stand_on_the_lines_of_libraries_too(lines: Lines) -> None:
    structlog.contextvars.bind_contextvars(incident="i-1")
    logger().bind(host="cmp-1").info("ours")
    logging.getLogger("keystoneauth.session").warning("GET %s took %.1f s", "/v3", 1.25)
    ours, theirs = lines()
    assert (ours["incident"], ours["host"]) == ("i-1", "cmp-1")
    assert (theirs["incident"], theirs["event"]) == ("i-1", "GET /v3 took 1.2 s")
    assert (theirs["logger"], theirs["level"]) == ("keystoneauth.session", "warning")


def test_what_is_below_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    log.setup("json", "warning", stream)
    logger().info("ours")
    logging.getLogger("x").info("theirs")
    logger().warning("this")
    log.close()
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["this"]


def test_setting_up_again_replaces(lines: Lines) -> None:
    stream = io.StringIO()
    log.setup("json", "info", stream)
    logger().info("once")
    assert lines() == []
    assert stream.getvalue().count("once") == 1


def test_text_is_for_reading(text: Callable[[], str]) -> None:
    log.standing(mode="fence", armed=True)
    logger().warning("held: a human is needed", host="cmp-1", why='he said "no"', n={"a": 1})
    logger().info("stack", stack_info=True)
    first, second, *stack = text().splitlines()
    _, _, line = first.partition("Z ")
    assert line == (
        "warning  [fence, armed] held: a human is needed "
        r'host=cmp-1 why="he said \"no\"" n={"a": 1} logger=doctor_daemon.test'
    )
    assert second.endswith("stack logger=doctor_daemon.test")
    assert stack[0] == "    | Stack (most recent call last):"


def test_i20_lengths_have_limits(lines: Lines) -> None:
    logger().info("x" * 1_000_000, many=list(range(10_000)), deep=[[[[[[["end"]]]]]]])
    logger().info("wide", **{f"f{number}": "y" * TEXT_MAX for number in range(60)})
    long, wide = lines()
    assert long["event"] == "x" * TEXT_MAX + "... (cut)"
    assert len(long["many"]) == 64
    assert long["deep"] == [[["[[[['end']]]]"]]]
    assert set(wide) == {"timestamp", "level", "mode", "armed", "event", "logger", "cut"}


def test_i20_a_line_of_text_has_a_limit_too(text: Callable[[], str]) -> None:
    logger().info("wide", **{f"f{number}": "y" * TEXT_MAX for number in range(60)})
    (line,) = text().splitlines()
    assert len(line) == LINE_MAX + len("... (cut)")


def test_a_line_that_cannot_be_formatted_says_where_and_not_what(lines: Lines) -> None:
    (writer,) = (one for one in logging.getLogger().handlers if isinstance(one, Writer))
    where = "/somewhere/library.py"
    writer.handle(logging.LogRecord("library", 40, where, 7, "%d", ("swordfish",), None))
    (line,) = lines()
    assert line["event"].startswith("a line of library at library.py:7 cannot")
    assert "swordfish" not in json.dumps(line)


def test_requests_are_not_logged_unless_asked_for() -> None:
    for level, lowest in (("info", logging.WARNING), ("debug", logging.DEBUG)):
        log.setup("json", level, io.StringIO())
        assert logging.getLogger("aiohttp.access").level == lowest


def test_e5_a_reader_that_stopped_reading_stops_nobody() -> None:
    reading, writing = os.pipe()
    seen: list[str] = []
    with os.fdopen(reading) as reader, os.fdopen(writing, "w") as pipe:
        writer = Writer(pipe, waiting_max=10)
        for number in range(1000):
            writer.handle(info(f"{number:04} {'x' * 1000}"))
        drain = threading.Thread(target=lambda: seen.extend(reader), daemon=True)
        drain.start()
        while sum("x" in line for line in seen) + writer.lost < 1000:
            drain.join(0.01)
        writer.handle(info("after"))
        writer.close()
        pipe.close()
        drain.join(10)
    numbers = [int(line[:4]) for line in seen if "x" in line]
    lost = [int(line.split()[0]) for line in seen if "lines of the log were lost" in line]
    assert numbers == sorted(set(numbers))
    assert sum(lost) == 1000 - len(numbers) > 0
    assert seen[-1] == "after\n"


def info(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, text, None, None)


class Full(io.StringIO):
    """A disk without room, until there is some."""

    room = False

    def write(self, text: str, /) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_d9_a_full_disk_is_told_of_once_there_is_room() -> None:
    stream = Full()
    writer = Writer(stream)
    for _ in range(3):
        writer.handle(info("lost"))
    deadline = time.monotonic() + 10
    while writer.lost < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    stream.room = True
    writer.handle(info("here"))
    writer.close()
    assert stream.getvalue() == "3 lines of the log were lost\nhere\n"


def test_a_stream_that_is_closed_is_no_error() -> None:
    stream = io.StringIO()
    log.setup("text", "info", stream)
    stream.close()
    logger().info("nobody hears it")
    log.close()
