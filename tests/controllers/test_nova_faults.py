"""Every call of Nova's, each request of it met by every fault: what is told, and what was done.

None of it is "it raised": a question ends in an error of a kind that says what the caller can do,
an order in an outcome, a check in words. Which requests a call makes is found out by making it, so
that a request that is new is in the table by itself; a call that is new has no row, and fails here.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from doctor_daemon.controllers.nova import Nova
from doctor_daemon.core.host import ServerId
from doctor_daemon.core.tries import Outcome
from doctor_daemon.errors import DoctorError
from doctor_daemon.lab.cloud import Lab, LabOptions
from doctor_daemon.lab.faults import Service
from doctor_daemon.lab.nova import NovaOptions
from doctor_daemon.lab.record import Kind
from doctor_daemon.lab.servers import OwnerSees
from doctor_daemon.ports import Controller
from doctor_daemon.ports.states import StatesWanted
from tests.controllers.faults import FAULTS, Asked, Fault, Row, asked, counter, row_of, struck
from tests.controllers.releasing import fenced
from tests.controllers.rigs import HOST, SMALL, FastClock, nova

OWNER = "project-1"
NEW = replace(SMALL, nova=NovaOptions(owner_sees=OwnerSees.FULL))
OLD = replace(SMALL, nova=NovaOptions(owner_sees=OwnerSees.FULL, highest=(2, 52)))
"""A Nova that is told by name: forcing down takes it two PUTs. It is asked what a new one is."""
NOVAS: Mapping[str, LabOptions] = {"new": NEW, "old": OLD}

Question = Callable[[Nova, FastClock], Awaitable[object]]
Order = Callable[[Nova, str, FastClock], Awaitable[tuple[Outcome, str]]]
Check = Callable[[Nova], Awaitable[Sequence[str]]]


def recently(clock: FastClock) -> float:
    return clock.now().wall_s - 60


QUESTIONS: Mapping[str, Question] = {
    "look": lambda nova, _: nova.look(HOST),
    "fleet": lambda nova, _: nova.fleet(),
    "servers": lambda nova, _: nova.servers(HOST),
    "all_servers": lambda nova, _: nova.all_servers(),
    "changed_servers": lambda nova, clock: nova.changed_servers(recently(clock)),
    "evacuations": lambda nova, _: nova.evacuations(HOST),
    "changed_evacuations": lambda nova, clock: nova.changed_evacuations(recently(clock)),
    "aggregates": lambda nova, _: nova.aggregates(HOST),
    "states": lambda nova, _: nova.states(StatesWanted(HOST)),
    "server_groups": lambda nova, _: nova.server_groups(),
    "transits": lambda nova, _: nova.transits(HOST),
}
ORDERS: Mapping[str, Order] = {
    "force_down": lambda nova, id_, clock: nova.force_down(
        id_, "a test", clock.permit(), disable=True
    ),
    "lift": lambda nova, id_, clock: nova.lift(id_, clock.permit()),
    "enable": lambda nova, id_, clock: nova.enable(id_, clock.permit()),
    "disable": lambda nova, id_, clock: nova.disable(id_, "reserved", clock.permit()),
    "evacuate": lambda nova, id_, clock: nova.evacuate(ServerId(id_), clock.permit()),
}
CHECKS: Mapping[str, Check] = {"check": Nova.check, "hidden_from_owners": Nova.hidden_from_owners}
OWN_TABLE = {"delete_service"}
"""It is asked for again: `test_deleting` has its table."""
NO_REQUESTS = {"run", "close"}
"""They ask Keystone at most, whose table is beside this one."""

ANSWERS: Row = {
    "time-out before effect": "NoAnswerError after 1",
    "time-out after effect": "NoAnswerError after 1",
    "reset": "NoAnswerError after 3",
    "400": "RefusedError after 1",
    "401": "Permanent after 2",
    "403": "RefusedError after 1",
    "404": "RefusedError after 1",
    "409": "RefusedError after 1",
    "413": "RefusedError after 1",
    "429 with Retry-After": "BusyError after 3",
    "500": "BusyError after 3",
    "503": "BusyError after 3",
    "bad JSON": "Temporary after 3",
    "huge body": "NoAnswerError after 3",
    "slow drip": "NoAnswerError after 1",
}
"""Of a fault that lasts: the error, and how often the request was made."""
ONCE: Row = {
    name: text if text.endswith(" 1") else "answered in the end" for name, text in ANSWERS.items()
}
"""Of one that strikes once: asking again, and a new token, help where they can."""
ENDS: Row = {
    "time-out before effect": "unknown after 1, not done",
    "time-out after effect": "unknown after 1, done",
    "reset": "unknown after 1, done",
    "400": "refused after 1, not done",
    "401": "refused after 2, not done",
    "403": "refused after 1, not done",
    "404": "refused after 1, not done",
    "409": "refused after 1, not done",
    "413": "refused after 1, not done",
    "429 with Retry-After": "refused after 1, not done",
    "500": "unknown after 1, not done",
    "503": "unknown after 1, not done",
    "bad JSON": "unknown after 1, not done",
    "huge body": "unknown after 1, not done",
    "slow drip": "unknown after 1, not done",
}
"""Of an order: its outcome, how often it was sent, and what is true."""
EVACUATE: Row = {
    **ENDS,
    **dict.fromkeys(("400", "403", "404", "409"), "forbidden after 1, not done"),
    "401": "unsent after 2, not done",
    "429 with Retry-After": "unsent after 1, not done",
}
"""As ENDS; but what is refused for good is told apart, and what nobody has taken is asked again."""
SECOND: Row = {**dict.fromkeys(FAULTS, "accepted after 2, done"), "401": "accepted after 3, done"}
"""Of the PUT for the status, which an old Nova wants apart: the outcome is that of the flag."""
SAID, NOTHING = "it is said what is wrong", "nothing is said"
NO_SUCH_SERVICE = "404"
"""How Nova answers the check's own PUT where all is well."""


def test_every_call_of_the_port_has_its_row() -> None:
    asking = {name for name, _ in inspect.getmembers(Controller, inspect.isfunction)}
    covered = {*QUESTIONS, *ORDERS, *CHECKS} | OWN_TABLE | NO_REQUESTS
    assert covered == {name for name in asking if not name.startswith("_")}


# questions


async def questions(call: str, options: LabOptions) -> tuple[Asked, ...]:
    """Ask once without a fault; return each request of it."""
    clock = FastClock()
    async with Lab(options) as lab, nova(lab, clock) as adapter:
        lab.faults.add(counter(Service.NOVA))
        await QUESTIONS[call](adapter, clock)
        return asked(lab, Service.NOVA)


async def answer(
    call: str, options: LabOptions, request: Asked, fault: Fault, times: int | None
) -> str:
    """Ask where a fault is between; say what came of it."""
    clock, rule = FastClock(), request.rule(fault, times)
    async with Lab(options) as lab, nova(lab, clock, read_timeout_s=fault.limit_s) as adapter:
        lab.faults.add(rule)
        ended: DoctorError | None = None
        try:
            await QUESTIONS[call](adapter, clock)
        except DoctorError as error:
            ended = error
        if ended is None:
            assert struck(lab, rule) == 1
            return "answered in the end"
        assert str(ended), "it is said in words"
        return f"{type(ended).__name__} after {struck(lab, rule)}"


@pytest.mark.parametrize("call", QUESTIONS)
async def test_a_question_and_a_fault_that_lasts(call: str) -> None:
    requests = await questions(call, NEW)
    expected = {str(one): ANSWERS for one in requests}
    found = await row_of(requests, lambda one, f: answer(call, NEW, one, f, None), expected)
    assert found == expected


@pytest.mark.parametrize("call", QUESTIONS)
async def test_a_question_and_a_fault_that_passes(call: str) -> None:
    requests = await questions(call, NEW)
    expected = {str(one): ONCE for one in requests}
    found = await row_of(requests, lambda one, f: answer(call, NEW, one, f, 1), expected)
    assert found == expected


# orders


def prepared(lab: Lab, call: str) -> None:
    """Bring it about that an order changes something."""
    if call in ("lift", "enable"):
        fenced(lab)
    if call == "evacuate":
        lab.world.power_off(HOST.name)
        lab.world.force_down(lab.world.hosts[HOST.name].service, forced_down=True, by="doctor")


def done(lab: Lab, call: str) -> bool:
    """Tell whether an order was carried out."""
    found = lab.world.hosts[HOST.name].service
    return {
        "force_down": found.forced_down,
        "lift": not found.forced_down,
        "enable": not found.disabled,
        "disable": found.disabled,
        "evacuate": any(entry.kind is Kind.EVACUATE for entry in lab.record.entries),
    }[call]


async def ended(
    call: str, options: LabOptions, request: Asked | None = None, fault: Fault | None = None
) -> tuple[str, tuple[Asked, ...]]:
    """Give an order; return what came of it, and each request of it."""
    clock, limit_s = FastClock(), fault.limit_s if fault else 5.0
    rules = [request.rule(fault, None)] if request and fault else []
    async with (
        Lab(options) as lab,
        nova(lab, clock, force_down_timeout_s=limit_s, evacuate_timeout_s=limit_s) as adapter,
    ):
        service = (await adapter.look(HOST)).uuid  # so much is known before anything is written
        prepared(lab, call)
        server = next(one.id for one in lab.world.servers.values() if one.host == HOST.name)
        lab.faults.add(*rules, counter(Service.NOVA))
        id_ = server if call == "evacuate" else service
        outcome, text = await ORDERS[call](adapter, id_, clock)
        assert text
        seen, sent = asked(lab, Service.NOVA), len(lab.faults.applied)
        return f"{outcome} after {sent}, {'done' if done(lab, call) else 'not done'}", seen


@pytest.mark.parametrize("age", NOVAS)
@pytest.mark.parametrize("call", ORDERS)
async def test_an_order(call: str, age: str) -> None:
    well, requests = await ended(call, NOVAS[age])
    assert well == f"accepted after {len(requests)}, done"
    assert len(requests) == (2 if (call, age) == ("force_down", "old") else 1)

    async def told(request: Asked, fault: Fault) -> str:
        return (await ended(call, NOVAS[age], request, fault))[0]

    rows = [EVACUATE if call == "evacuate" else ENDS, SECOND]
    expected = {str(one): row for one, row in zip(requests, rows, strict=False)}
    assert await row_of(requests, told, expected) == expected


# checks


@pytest.mark.parametrize("call", CHECKS)
async def test_a_check_before_an_emergency_says_what_is_wrong(call: str) -> None:
    async def checked(request: Asked | None, fault: Fault) -> tuple[str, tuple[Asked, ...]]:
        reads_s = writes_s = fault.limit_s
        async with (
            Lab(NEW) as lab,
            nova(
                lab, owner_cloud=OWNER, read_timeout_s=reads_s, force_down_timeout_s=writes_s
            ) as adapter,
        ):
            rules = [request.rule(fault, None)] if request else []
            lab.faults.add(*rules, counter(Service.NOVA))
            wrong = await CHECKS[call](adapter)
            assert all(wrong)
            assert not done(lab, "force_down")
            return SAID if wrong else NOTHING, asked(lab, Service.NOVA)

    well, requests = await checked(None, FAULTS["400"])
    assert well == NOTHING

    async def told(request: Asked, fault: Fault) -> str:
        return (await checked(request, fault))[0]

    def row(request: Asked) -> Row:
        nothing = {NO_SUCH_SERVICE: NOTHING} if request.method == "PUT" else {}
        return {**dict.fromkeys(FAULTS, SAID), **nothing}

    expected = {str(one): row(one) for one in requests}
    assert await row_of(requests, told, expected) == expected
