"""Forcing down by name against a Nova and a network that misbehave: each end of each PUT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from doctor_daemon.controllers.compute import SMALL_MAX
from doctor_daemon.controllers.updates import ENABLE, LIFT, fencing, puts
from doctor_daemon.core.tries import Outcome
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do, Rule
from tests.controllers.dialects import DISABLED, FORCED, ID, SAID, writes
from tests.controllers.releasing import REASON
from tests.controllers.rigs import HOST, OLD, FastClock, calls, every_put, nova, offering, rule
from tests.fakes.peer import (
    Answer,
    Peer,
    answering,
    closing,
    dripping,
    hanging,
    in_turn,
    raw,
    resetting,
    telling,
)

FLAG, WHY, BACK = "force-down", "disable-log-reason", "enable"
TESTED = {FLAG, WHY, BACK}
"""What is asked for by name; the last is in the table of test_releasing_errors.py."""


def test_every_call_by_name_is_in_a_table_of_errors() -> None:
    updates = (fencing("", disable=True), fencing("", disable=False), LIFT, ENABLE)
    paths = {put.path.rpartition("/")[2] for update in updates for put in puts(ID, update)}
    assert paths == TESTED


def at(path: str, do: Do, status: int = 503, times: int = 1) -> Rule:
    return rule(do, f"*/os-services/{path}", "PUT", status=status, times=times)


TABLE: Sequence[tuple[str, Do, int, int, Outcome, bool]] = [
    ("time-out before the effect", Do.TIMEOUT_BEFORE, 0, 1, Outcome.UNKNOWN, False),
    ("time-out after the effect", Do.TIMEOUT_AFTER, 0, 1, Outcome.UNKNOWN, True),
    ("reset", Do.LOST_REPLY, 0, 1, Outcome.UNKNOWN, True),
    ("redirect", Do.STATUS, 307, 1, Outcome.REFUSED, False),
    ("400", Do.STATUS, 400, 1, Outcome.REFUSED, False),
    ("401", Do.STATUS, 401, 1, Outcome.ACCEPTED, True),
    ("401 twice", Do.STATUS, 401, 2, Outcome.REFUSED, False),
    ("403", Do.STATUS, 403, 1, Outcome.REFUSED, False),
    ("404", Do.STATUS, 404, 1, Outcome.REFUSED, False),
    ("406", Do.STATUS, 406, 1, Outcome.REFUSED, False),
    ("408", Do.STATUS, 408, 1, Outcome.UNKNOWN, False),
    ("409", Do.STATUS, 409, 1, Outcome.REFUSED, False),
    ("413", Do.STATUS, 413, 1, Outcome.REFUSED, False),
    ("429", Do.STATUS, 429, 1, Outcome.REFUSED, False),
    ("500", Do.STATUS, 500, 1, Outcome.UNKNOWN, False),
    ("500 after the effect", Do.STATUS_AFTER, 500, 1, Outcome.UNKNOWN, True),
    ("503", Do.STATUS, 503, 1, Outcome.UNKNOWN, False),
    ("503 after the effect", Do.STATUS_AFTER, 503, 1, Outcome.UNKNOWN, True),
    ("bad JSON", Do.GARBAGE, 0, 1, Outcome.UNKNOWN, False),
]
faults = pytest.mark.parametrize(
    ("do", "status", "times", "outcome", "done"),
    [row[1:] for row in TABLE],
    ids=[r[0] for r in TABLE],
)


@faults
async def test_the_flag_is_what_the_outcome_is_about(
    do: Do, status: int, times: int, outcome: Outcome, *, done: bool
) -> None:
    """Unless it was certainly taken on, nothing else is sent."""
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock, force_down_timeout_s=0.5) as adapter:
        service, uuid = lab.world.hosts["compute-1"].service, (await adapter.look(HOST)).uuid
        lab.faults.add(at(FLAG, do, status, times), every_put())
        ended, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert (ended, service.forced_down) == (outcome, done), text
        accepted = outcome is Outcome.ACCEPTED
        assert service.disabled is accepted
        assert len(lab.faults.applied) == 1 + (status == 401) + accepted, "a write is sent once"
        assert calls(adapter).seen[-1] == ("force_down", outcome.value)


@faults
async def test_the_flag_is_set_and_what_became_of_the_status_is_said(
    do: Do, status: int, times: int, outcome: Outcome, *, done: bool
) -> None:
    clock = FastClock()
    async with Lab(OLD) as lab, nova(lab, clock, force_down_timeout_s=0.5) as adapter:
        uuid = (await adapter.look(HOST)).uuid
        lab.faults.add(at(WHY, do, status, times), every_put())
        ended, text = await adapter.force_down(uuid, REASON, clock.permit(), disable=True)
        assert ended is Outcome.ACCEPTED
        assert text.startswith("Nova answered that the service is forced down" + SAID[outcome])
        assert len(lab.faults.applied) == 2 + (status == 401), "a write is sent once"
        clock.advance(400)  # after two refusals of a token it is not asked for another at once
        look = await adapter.look(HOST)
        assert (look.forced_down, look.uuid) == (True, uuid)
        assert (look.status, look.reason) == (("disabled", REASON) if done else ("enabled", "")), (
            "which is what the caller reads back"
        )


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
    "another host": telling(
        {
            "service": {
                "host": "compute-2",
                "binary": "nova-compute",
                "forced_down": True,
                "status": "disabled",
            }
        }
    ),
    "another success": answering(202),
    "a gateway's page": answering(502, b"<html>"),
}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("answer", RUDE.values(), ids=RUDE)
async def test_no_clear_answer_is_doubt_and_each_is_sent_once(answer: Answer, nth: int) -> None:
    clock = FastClock()
    turns = in_turn(answer, DISABLED) if nth == 1 else in_turn(FORCED, answer)
    async with (
        Lab(OLD) as lab,
        nova(lab, clock, force_down_timeout_s=0.5) as adapter,
        Peer(offering(turns, "2.52")) as peer,
    ):
        lab.keystone.endpoints["compute"] = f"{peer.origin}/v2.1"
        outcome, text = await adapter.force_down(ID, REASON, clock.permit(), disable=True)
        assert outcome is (Outcome.UNKNOWN if nth == 1 else Outcome.ACCEPTED), text
        assert (SAID[Outcome.UNKNOWN] in text) == (nth == 2)
        assert len(writes(peer)) == nth
