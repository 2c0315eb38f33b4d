"""Lifting and enabling against a Nova and a network that misbehave: each end told apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from doctor_daemon.controllers.compute import SMALL_MAX
from doctor_daemon.core.tries import Outcome
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule
from tests.controllers.releasing import (
    DEEDS,
    DIALECTS,
    DONE,
    against,
    deeds,
    dialects,
    fenced,
    is_done,
    put,
)
from tests.controllers.rigs import HOST, FastClock, calls, every_put, nova, service_id
from tests.fakes.peer import (
    Answer,
    answering,
    closing,
    dripping,
    hanging,
    raw,
    resetting,
    telling,
)

TABLE: list[tuple[str, Rule, Outcome, bool]] = [
    ("time-out before the effect", put(Do.TIMEOUT_BEFORE), Outcome.UNKNOWN, False),
    ("time-out after the effect", put(Do.TIMEOUT_AFTER), Outcome.UNKNOWN, True),
    ("reset", put(Do.LOST_REPLY), Outcome.UNKNOWN, True),
    ("redirect", put(Do.STATUS, 307), Outcome.REFUSED, False),
    ("400", put(Do.STATUS, 400), Outcome.REFUSED, False),
    ("401", put(Do.STATUS, 401), Outcome.ACCEPTED, True),
    ("401 twice", put(Do.STATUS, 401, times=2), Outcome.REFUSED, False),
    ("403", put(Do.STATUS, 403), Outcome.REFUSED, False),
    ("404", put(Do.STATUS, 404), Outcome.REFUSED, False),
    ("406", put(Do.STATUS, 406), Outcome.REFUSED, False),
    ("408", put(Do.STATUS, 408), Outcome.UNKNOWN, False),
    ("409", put(Do.STATUS, 409), Outcome.REFUSED, False),
    ("413", put(Do.STATUS, 413), Outcome.REFUSED, False),
    ("429", put(Do.STATUS, 429), Outcome.REFUSED, False),
    ("500", put(Do.STATUS, 500), Outcome.UNKNOWN, False),
    ("500 after the effect", put(Do.STATUS_AFTER, 500), Outcome.UNKNOWN, True),
    ("503", put(Do.STATUS, 503), Outcome.UNKNOWN, False),
    ("503 after the effect", put(Do.STATUS_AFTER, 503), Outcome.UNKNOWN, True),
    ("bad JSON", put(Do.GARBAGE), Outcome.UNKNOWN, False),
]
faults = pytest.mark.parametrize(
    ("fault", "outcome", "done"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)


@dialects
@deeds
@faults
async def test_the_table_of_errors(
    dialect: str, name: str, fault: Rule, outcome: Outcome, *, done: bool
) -> None:
    clock = FastClock()
    options = DIALECTS[dialect]
    async with Lab(options) as lab, nova(lab, clock, force_down_timeout_s=0.5) as adapter:
        await adapter.look(HOST)
        service = fenced(lab)
        lab.faults.add(fault, every_put())
        ended, text = await DEEDS[name](adapter, service_id(lab), clock.permit())
        assert (ended, is_done(name, service)) == (outcome, done), text
        unauthorized = fault.status == 401
        assert len(lab.faults.applied) == 1 + unauthorized, "a write is sent once"
        assert calls(adapter).seen[-1] == (name, outcome.value)
        if fault.do is Do.STATUS and not unauthorized:
            assert text.startswith(f"Nova answered {fault.status}")


HUGE = b'{"service": "' + b"x" * SMALL_MAX + b'"}'
RUDE: Mapping[str, Answer] = {
    "a huge body": answering(200, HUGE),
    "a slow drip": dripping(raw(200, b"{" * 999), 0.02),
    "silence": hanging,
    "a reset before the effect": resetting,
    "a connection that is closed": closing,
    "half a body": answering(200, b'{"service": ', {"Content-Length": "999"}),
    "no body": answering(200),
    "no object": telling([]),
    "no service": telling({"service": None}),
    "another success": answering(202),
    "a gateway's page": answering(502, b"<html>"),
}


@dialects
@deeds
@pytest.mark.parametrize("answer", RUDE.values(), ids=RUDE)
async def test_no_clear_answer_is_unknown_and_sent_once(
    dialect: str, name: str, answer: Answer
) -> None:
    outcome, text, peer = await against(name, answer, dialect)
    assert outcome is Outcome.UNKNOWN, text
    assert [request.method for request in peer.requests] == ["PUT"]


@deeds
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"forced_down": True, "status": "disabled"},
        {"forced_down": None, "status": None},
        {"forced_down": 0, "status": True},
        {"forced_down": "False", "status": "Enabled"},
        {"id": "4f22b540-1c82-456c-b2f4-ba0d18d9a30f", "forced_down": False, "status": "enabled"},
    ],
    ids=str,
)
async def test_a_200_that_does_not_show_the_deed_is_unknown(
    name: str, change: Mapping[str, object]
) -> None:
    async def answer(request: object, writer: asyncio.StreamWriter) -> None:
        path = str(getattr(request, "path", ""))
        shown = {"service": {"id": path.rpartition("/")[2], **change}}
        writer.write(raw(200, json.dumps(shown).encode()))
        await writer.drain()

    outcome, text, _ = await against(name, answer)
    assert (outcome, text) == (
        Outcome.UNKNOWN,
        f"Nova answered 200, but does not show the service {DONE[name]}",
    )
