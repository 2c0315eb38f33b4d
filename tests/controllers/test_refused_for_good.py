"""Which refusals of an evacuation would be the same again, and which may pass."""

from __future__ import annotations

import json

import pytest

from doctor_daemon.controllers.evacuations import judged
from doctor_daemon.controllers.http import Answer
from doctor_daemon.core.tries import Outcome
from doctor_daemon.lab.cloud import Lab
from doctor_daemon.lab.faults import Do
from tests.controllers.rigs import SMALL, FastClock, nova, rule
from tests.controllers.test_evacuating import ACTION, dead


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, Outcome.REFUSED),
        (400, Outcome.FORBIDDEN),
        (402, Outcome.REFUSED),
        (403, Outcome.FORBIDDEN),
        (404, Outcome.FORBIDDEN),
        (405, Outcome.REFUSED),
        (406, Outcome.REFUSED),
        (409, Outcome.FORBIDDEN),
        (413, Outcome.REFUSED),
    ],
)
async def test_a_client_error_refuses_an_evacuation_in_novas_words_some_for_good(
    status: int, expected: Outcome
) -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        lab.faults.add(rule(Do.STATUS, ACTION, "POST", status=status))
        outcome, text = await adapter.evacuate(dead(lab), clock.permit())
        assert outcome is expected
        assert text.startswith(f"Nova answered {status}")


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (400, "Compute service of compute-1 is still in use.", Outcome.REFUSED),
        (
            409,
            "Cannot 'evacuate' instance s1 while it is in task_state rebuilding",
            Outcome.REFUSED,
        ),
        (409, "Cannot 'evacuate' instance s1 while it is in vm_state paused", Outcome.FORBIDDEN),
        (409, "Feature not supported with instances that have shares.", Outcome.FORBIDDEN),
        (400, "Evacuate not supported for instance with vTPM", Outcome.FORBIDDEN),
    ],
)
def test_trap_19_which_refusals_would_be_the_same_again(
    status: int, message: str, expected: Outcome
) -> None:
    body = json.dumps({"x": {"code": status, "message": message}}).encode()
    answer = Answer(status, {}, body, FastClock().now())
    assert judged(answer) == (expected, f"Nova answered {status} {message}")


def test_trap_25_a_role_that_may_not_is_refused_for_good_and_it_is_said_what_that_means() -> None:
    text = "Policy doesn't allow os_compute_api:os-evacuate to be performed."
    body = json.dumps({"forbidden": {"code": 403, "message": text}}).encode()
    why = "the role of the daemon's account does not suffice to evacuate"
    answer = Answer(403, {}, body, FastClock().now())
    assert judged(answer) == (Outcome.FORBIDDEN, f"Nova answered 403 {text}: {why}")


async def test_trap_19_the_state_of_a_server_is_refused_for_good() -> None:
    clock = FastClock()
    async with Lab(SMALL) as lab, nova(lab, clock) as adapter:
        server = dead(lab)
        lab.world.set_state(server, "paused")
        outcome, text = await adapter.evacuate(server, clock.permit())
        assert outcome is Outcome.FORBIDDEN
        assert text.endswith("while it is in vm_state paused")
