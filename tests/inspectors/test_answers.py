"""Answers of projects: strict, about their own servers, and never about a host."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.holding import Word
from doctor_daemon.errors import ConfigError, Temporary
from doctor_daemon.inspectors.answers import Answers
from doctor_daemon.plugins import INSPECTORS, find
from tests.inspectors.rig import Ledger, Reply, listening, source, terms

PATH = "/v1/answers"


def inspector(trust: Trust = Trust.SECOND, /, **options: object) -> Answers:
    config = Answers.Config.model_validate_json(
        json.dumps({"projects": ["red"], **options}), strict=True
    )
    return Answers(config, terms("vnfm", trust))


async def sent(ledger: Ledger, body: object, **options: object) -> Reply:
    async with listening(ledger, source(inspector(**options))) as client:
        return await client.send(PATH, body)


def answers(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"answers": [{"server": server, "answer": word} for server, word in pairs]}


def ledger(**waiting: str) -> Ledger:
    made = Ledger()
    made.waiting = waiting
    return made


def test_the_plugin_is_found_by_its_name() -> None:
    assert find(INSPECTORS, "answers") is Answers


async def test_a_project_answers_for_its_servers() -> None:
    book = ledger(web="red", db="red")
    reply = await sent(book, answers(("web", "go"), ("db", "handled")))
    assert (reply.status, reply.json) == (
        200,
        {
            "receipts": [
                {"server": "web", "outcome": "taken"},
                {"server": "db", "outcome": "taken"},
            ]
        },
    )
    assert [(one.server, one.word, one.by) for one in book.answers] == [
        ("web", Word.GO, "vnfm"),
        ("db", Word.HANDLED, "vnfm"),
    ]
    assert book.taken == []


async def test_of_anothers_server_it_hears_what_it_hears_of_one_that_does_not_wait() -> None:
    book = ledger(web="blue")
    reply = await sent(book, answers(("web", "handled"), ("nobody", "handled")))
    assert [one["outcome"] for one in reply.json["receipts"]] == ["not waiting"] * 2
    assert book.answers == []
    assert (await sent(book, answers(("web", "go")), projects="all")).json["receipts"] == [
        {"server": "web", "outcome": "taken"}
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "answers"),
        ({"answers": []}, "answers"),
        ({"answers": [{"server": "web"}]}, "answers[0].answer"),
        ({"answers": [{"answer": "go"}]}, "answers[0].server"),
        ({"answers": [{"server": "web", "answer": "stop"}]}, "answers[0].answer"),
        ({"answers": [{"server": "web\n", "answer": "go"}]}, "answers[0].server"),
        ({"answers": [{"server": "x" * 65, "answer": "go"}]}, "answers[0].server"),
        ({"answers": [{"server": "web", "answer": "go", "host": "x"}]}, "answers[0].host"),
        ({"answers": [{"server": "web", "answer": "go"}], "more": 1}, "more"),
    ],
)
async def test_what_is_not_as_expected_is_refused_whole(body: object, field: str) -> None:
    book = ledger(web="red")
    reply = await sent(book, body)
    assert reply.status == 400
    assert reply.json["error"]["field"] == field
    assert book.answers == []


async def test_one_that_is_wrong_refuses_them_all() -> None:
    book = ledger(web="red")
    assert (await sent(book, answers(("web", "go"), ("db", "stop")))).status == 400
    assert book.answers == []


async def test_what_could_not_be_stored_is_to_be_sent_again() -> None:
    book = ledger(web="red")
    book.error = Temporary("disk full")
    assert (await sent(book, answers(("web", "go")))).status == 503


def test_who_shows_no_secret_may_not_answer() -> None:
    with pytest.raises(ConfigError, match="expected bearer_file or token_file"):
        inspector(Trust.OPEN)


@pytest.mark.parametrize("projects", [[], [""], "some", None, ["x" * 65]])
def test_the_projects_have_to_be_named(projects: object) -> None:
    with pytest.raises(ValidationError):
        inspector(projects=projects)
