"""The consumer that hears alarms as OPNFV Doctor's does, and checks each against Aodh's form."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.consumer import Verdict
from tests.lab.caller import Caller, Reply, caller

Json = dict[str, Any]
REQUEST = "req-00000000-0000-4000-8000-000000000001"
ALARM: Json = {
    "alarm_name": "doctor_alarm1",
    "alarm_id": "a1",
    "severity": "moderate",
    "previous": "insufficient data",
    "current": "alarm",
    "reason": "Event hits the query",
    "reason_data": {
        "type": "event",
        "event": {
            "message_id": "m1",
            "event_type": "compute.instance.update",
            "generated": "2026-11-21T10:00:00.123456",
            "traits": [
                ["instance_id", 1, "s1"],
                ["state", 1, "error"],
                ["tenant_id", 1, "p1"],
                ["project_id", 1, "p1"],
            ],
        },
    },
}


@dataclass(frozen=True, slots=True)
class Aodh:
    """Sends alarms."""

    lab: Lab
    caller: Caller

    async def send(self, alarm: Any = ALARM, path: str = "failure", **headers: str) -> Reply:  # noqa: ANN401 - JSON
        sent = {"Content-Type": "application/json", "x-openstack-request-id": REQUEST}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.lab.hooks_url}/{path}"
        if isinstance(alarm, bytes):
            return await self.caller.ask("POST", url, headers=sent, raw=alarm)
        return await self.caller.ask("POST", url, headers=sent, body=alarm)


@pytest.fixture
async def aodh() -> AsyncIterator[Aodh]:
    async with Lab(LabOptions(hosts=1)) as lab, caller() as asks:
        yield Aodh(lab, asks)


def changed(change: Callable[[Json, Json], object]) -> Json:
    """Return the alarm after a change to it, or to its event."""
    alarm = deepcopy(ALARM)
    change(alarm, alarm["reason_data"]["event"])
    return alarm


def ended(alarm: Json, event: Json) -> None:
    alarm.update(previous="alarm", current="ok")
    event["message_id"] = "m2"
    del event["traits"][1]


async def test_an_alarm_is_kept_with_its_time_and_repetitions_are_known(aodh: Aodh) -> None:
    before_s = time.monotonic()
    other = changed(lambda alarm, _: alarm.update(reason="another"))
    for alarm in (ALARM, ALARM, other):
        assert (await aodh.send(alarm)).status == 200
    receipts = aodh.lab.consumer.receipts
    assert [r.verdict for r in receipts] == [Verdict.NEW, Verdict.REPEATED, Verdict.CHANGED]
    assert (receipts[0].consumer, receipts[0].id, receipts[0].event) == ("failure", "m1", ALARM)
    assert before_s <= receipts[0].at_s <= time.monotonic()


async def test_the_end_of_an_alarm_has_a_path_of_its_own(aodh: Aodh) -> None:
    assert (await aodh.send(changed(ended), "ok")).status == 200
    assert (await aodh.send(changed(ended))).status == 400
    assert (await aodh.send(ALARM, "ok")).status == 400
    assert [r.verdict for r in aodh.lab.consumer.receipts] == ["new", "refused", "refused"]


WRONG: dict[str, tuple[Callable[[Json, Json], object], str]] = {
    "a field is missing": (lambda alarm, _: alarm.pop("reason"), "an alarm"),
    "a field is added": (lambda alarm, _: alarm.update(host="compute-1"), "an alarm"),
    "severity": (lambda alarm, _: alarm.update(severity="high"), "severity"),
    "previous": (lambda alarm, _: alarm.update(previous="unknown"), "previous"),
    "reason data": (lambda alarm, _: alarm.update(reason_data={}), "reason_data"),
    "event's field is missing": (lambda _, event: event.pop("generated"), "event's fields"),
    "generated": (lambda _, event: event.update(generated="soon"), "cannot be read"),
    "no message id": (lambda _, event: event.update(message_id=""), "no event about a server"),
    "event type": (lambda _, event: event.update(event_type="compute.host.down"), "no event about"),
    "long trait": (lambda _, event: event["traits"].append(["x", 1, "x" * 256]), "too long"),
    "text for a number": (
        lambda _, event: event["traits"].append(["x", 2, "2"]),
        "not of its type",
    ),
    "type of trait": (lambda _, event: event["traits"].append(["x", 9, "2"]), "cannot be read"),
    "no trait": (lambda _, event: event["traits"].append("x"), "cannot be read"),
    "no server": (lambda _, event: event["traits"].pop(0), "not named"),
    "no project": (lambda _, event: event["traits"].pop(2), "not named"),
    "no state": (lambda _, event: event["traits"].pop(1), "state is error"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_another_form_is_refused(aodh: Aodh, name: str) -> None:
    change, why = WRONG[name]
    reply = await aodh.send(changed(change))
    assert reply.status == 400
    (receipt,) = aodh.lab.consumer.of(Verdict.REFUSED)
    assert why in receipt.why


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{nope", {}, 400),
        (b"[]", {}, 400),
        (ALARM, {"x_openstack_request_id": "1"}, 400),
        (b"{}", {"Content_Type": "text/plain"}, 415),
    ],
)
async def test_what_is_no_alarm_at_all(
    aodh: Aodh,
    body: Any,  # noqa: ANN401 - JSON
    headers: dict[str, str],
    status: int,
) -> None:
    assert (await aodh.send(body, **headers)).status == status
