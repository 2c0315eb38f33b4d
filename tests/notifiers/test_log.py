"""The log consumer: a line for each notice, at the level that its kind deserves."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon import log as logs
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import Notice
from doctor_daemon.notifiers.audience import Audience
from doctor_daemon.notifiers.log import SERVERS_MAX, Log
from tests.notifiers.notices import PROJECT, for_operators, notice, row, server

Json = dict[str, Any]


class Lines:
    """The daemon's log in a buffer."""

    def __init__(self) -> None:
        self._stream = StringIO()
        logs.setup("json", "info", self._stream)

    def read(self) -> list[Json]:
        """Return the lines, and log no more."""
        logs.close()
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    yield Lines()
    logs.close()
    logging.getLogger().setLevel(logging.WARNING)


def log(**options: object) -> Log:
    audience = Audience(operators=True, projects="all")
    return Log(Log.Config.model_validate({"audience": audience, **options}), "journal")


async def told(found: Notice, **changes: object) -> None:
    """Have a notice written as the engine does."""
    consumer = log()
    body = consumer.render(found, "msg_1", 3)
    await consumer.deliver(row(body, id="msg_1", consumer="journal", kind=found.kind, **changes))
    await consumer.close()


async def test_operators_read_all_in_one_line(lines: Lines) -> None:
    await told(for_operators(kind=NoticeKind.CONFIRMED, fenced="confirmed"))
    (line,) = lines.read()
    found = for_operators()
    about = {
        "event": "notice",
        "level": "warning",
        "consumer": "journal",
        "notice": "msg_1",
        "sequence": 3,
        "kind": "confirmed",
        "incident": found.incident,
        "cloud": "default",
        "host": "cmp-7.rack-2.example",
        "text": found.text,
        "fenced": "confirmed",
        "servers": 1,
        "server_ids": [server().id],
    }
    assert {name: line[name] for name in about} == about
    assert line.keys() - about.keys() == {"timestamp", "mode", "armed", "logger"}


async def test_a_projects_line_names_no_host(lines: Lines) -> None:
    await told(notice(kind=NoticeKind.OUTCOME, outcome="failed"))
    (line,) = lines.read()
    assert "cmp-7" not in json.dumps(line)
    assert (line["project"], line["outcome"]) == (PROJECT, "failed")
    assert line["text"] == "these servers could not be rebuilt elsewhere, and are still down"


@pytest.mark.parametrize(
    ("kind", "outcome", "level"),
    [
        (NoticeKind.SUSPECTED, "", "info"),
        (NoticeKind.WITHDRAWN, "", "info"),
        (NoticeKind.CONFIRMED, "", "warning"),
        (NoticeKind.HELD, "", "warning"),
        (NoticeKind.OUTCOME, "moved", "info"),
        (NoticeKind.OUTCOME, "skipped", "info"),
        (NoticeKind.OUTCOME, "failed", "warning"),
        (NoticeKind.OUTCOME, "unknown", "warning"),
        (NoticeKind.OUTCOME, "beamed up", "warning"),
        (NoticeKind.MAINTENANCE, "begun", "info"),
        (NoticeKind.MAINTENANCE, "ended", "info"),
        (NoticeKind.SERVICE, "", "info"),
    ],
)
async def test_what_needs_somebody_is_a_warning(
    lines: Lines, kind: NoticeKind, outcome: str, level: str
) -> None:
    await told(for_operators(kind=kind, outcome=outcome))
    assert [line["level"] for line in lines.read()] == [level]


async def test_many_servers_are_counted_and_some_named(lines: Lines) -> None:
    servers = tuple(server(number) for number in range(SERVERS_MAX + 1))
    await told(for_operators(servers=servers), gap_before=True)
    (line,) = lines.read()
    assert (line["servers"], line["gap_before"]) == (SERVERS_MAX + 1, True)
    assert line["server_ids"] == [one.id for one in servers[:SERVERS_MAX]]


@pytest.mark.parametrize("body", ['{"specversion":"1.0"}', "no JSON", "[]", "[1]", '{"level":"x"}'])
async def test_a_notice_for_another_type_of_consumer_is_written_as_it_is(
    lines: Lines, body: str
) -> None:
    await log().deliver(row(body, id="msg_1"))
    (line,) = lines.read()
    assert (line["level"], line["notice"], line["text"]) == ("warning", "msg_1", body)


async def test_it_does_not_matter_whether_anybody_reads_the_log() -> None:
    logs.close()
    await told(for_operators(kind=NoticeKind.HELD))


def test_it_hears_what_it_asks_for() -> None:
    consumer = log(audience=Audience(operators=True), kinds=frozenset({NoticeKind.HELD}))
    assert consumer.wants(for_operators(kind=NoticeKind.HELD))
    assert not consumer.wants(notice(kind=NoticeKind.HELD))
    assert not consumer.wants(for_operators(kind=NoticeKind.CONFIRMED))


@pytest.mark.parametrize("options", [{"kinds": frozenset()}, {"url": "https://x"}, {"level": "x"}])
def test_a_wrong_configuration_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        log(**options)
