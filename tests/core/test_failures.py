"""Whether and when there is another attempt, by what the last one has failed of."""

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.failures import Kind, kind_of, wait_s
from doctor_daemon.core.policy import Policy
from tests.core.make import at
from tests.core.moving import guest

POLICY = Policy(
    evacuation_tries=3, no_host_tries=4, no_host_wait_s=20.0, backoff_s=1.0, backoff_max_s=30.0
)


@pytest.mark.parametrize(
    ("final", "fault", "kind"),
    [
        (False, "No valid host was found. There are not enough hosts available.", Kind.NO_HOST),
        (False, "NO VALID HOST", Kind.NO_HOST),
        (False, "Build failed: no valid host", Kind.PASSING),
        (False, "no disk is left", Kind.PASSING),
        (False, "", Kind.PASSING),
        (True, "", Kind.FINAL),
        (True, "No valid host was found.", Kind.FINAL),
    ],
)
def test_trap_15_what_an_attempt_has_failed_of(final: bool, fault: str, kind: Kind) -> None:  # noqa: FBT001 - a column of the table
    record = replace(Evacuation(guest("web"), Stage.CHECKING, at(0)), final=final)
    assert kind_of(record, fault) is kind


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        (Kind.PASSING, [1.0, 2.0, None, None]),
        (Kind.NO_HOST, [20.0, 20.0, 20.0, None]),
        (Kind.FINAL, [None, None, None, None]),
    ],
)
def test_trap_15_each_kind_has_a_bound_of_its_own(kind: Kind, waits: list[float | None]) -> None:
    assert [wait_s(kind, failures, POLICY) for failures in range(1, 5)] == waits
