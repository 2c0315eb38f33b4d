"""Every reason that the core writes has its word, and what was not written there has none."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import replace

import pytest

from doctor_daemon.core import moves, selection
from doctor_daemon.core.causes import Cause, cause
from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.holding import Said, Word
from doctor_daemon.core.host import Mode, Scope, Selection
from doctor_daemon.core.selection import HOLD, stays
from tests.core.make import Fields, context, plan
from tests.core.moving import Moving, guest

AMPHORA = "amphora-0a8c2f6e-1111-4222-8333-444455556666"
STAYS: list[tuple[Cause, dict[str, Fields], Selection]] = [
    (Cause.POLICY, {}, Selection(scope=Scope.NONE)),
    (Cause.UNMOVABLE, {"tags": {"flavor:hw:tpm_version": "2.0"}}, Selection()),
    (
        Cause.UNMOVABLE,
        {"tags": {"flavor:resources:VCPU": "0", "flavor:resources:MEMORY_MB": "0"}},
        Selection(),
    ),
    (Cause.SERVICE, {"project": "octavia"}, Selection(service_projects=("octavia",))),
    (Cause.SERVICE, {"tags": {"server:svc": "x"}}, Selection(service_metadata=("svc",))),
    (Cause.LOCKED, {"locked": True}, Selection(locked=False)),
    (Cause.SERVICE, {"name": AMPHORA}, Selection()),
    (Cause.TAG, {"tags": {"server:HA_Enabled": "no"}}, Selection()),
    (Cause.TAG, {"tags": {"flavor:evacuable": "no"}}, Selection()),
    (Cause.TAG, {"tags": {"aggregate:evacuable": "no"}}, Selection()),
    (Cause.UNTAGGED, {}, Selection(scope=Scope.TAGGED)),
    (Cause.DISK, {}, Selection()),
]


@pytest.mark.parametrize(("expected", "changes", "chosen"), STAYS)
def test_each_server_that_stays_has_its_word(
    expected: Cause, changes: dict[str, Fields], chosen: Selection
) -> None:
    why = stays(replace(guest("web"), **changes), chosen)
    assert why
    assert cause(Stage.SKIPPED, why) is expected


def test_every_rule_of_the_selection_is_among_them() -> None:
    rules = ast.walk(ast.parse(inspect.getsource(selection)))
    (table,) = (
        node.value
        for node in rules
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id == "_RULES"
    )
    assert isinstance(table, ast.Tuple)
    assert len(table.elts) == 6, "a new rule wants a word of its own, or OTHER"


@pytest.mark.parametrize(
    ("stage", "why", "expected"),
    [
        (Stage.MOVED, "", None),
        (Stage.SKIPPED, moves.GONE, Cause.GONE),
        (Stage.FAILED, "its evacuation ended as error: No valid host was found. Ah", Cause.NO_ROOM),
        (Stage.FAILED, "its evacuation ended as failed: no valid host was found", Cause.NO_ROOM),
        (Stage.FAILED, "its evacuation ended as failed: it broke on cmp-2", Cause.ERROR),
        (Stage.FAILED, "Nova answered 409 it has shares", Cause.REFUSED),
        (Stage.FAILED, "the request was not answered, and Nova has no trace", Cause.UNCLEAR),
        (Stage.FAILED, "Nova answered 503 busy", Cause.OTHER),
        (Stage.UNKNOWN, "its evacuation to cmp-2 has not ended in 600 s", Cause.UNCLEAR),
        (Stage.SKIPPED, "a reason of tomorrow", Cause.OTHER),
        (Stage.WAITING, "", Cause.OTHER),
    ],
)
def test_each_end_has_its_word(stage: Stage, why: str, expected: Cause | None) -> None:
    assert cause(stage, why) is expected


@pytest.mark.parametrize("vm_state", ["paused", "suspended", "error", "", "building"])
def test_each_state_that_is_left_has_its_word(vm_state: str) -> None:
    record = moves.admitted(guest("web", vm_state), moves.news((), ()), context())
    assert cause(record.stage, record.why) is Cause.STATE


def test_the_word_goes_with_what_is_told() -> None:
    walk = Moving("web", guest("db", "paused")).to_inspected()
    told = [(e.outcome, e.cause) for e in walk.incident.timeline if e.outcome]
    assert told == [("skipped", "state")]
    walk.accept().turns(1, "done").elapse(2).follow()
    told = [(e.outcome, e.cause) for e in walk.incident.timeline if e.outcome]
    assert told == [("skipped", "state"), ("moved", "")]


def test_a_server_of_which_its_project_takes_care_itself_has_its_word() -> None:
    chosen = Selection(shared_storage=True, hold_max_s=60.0)
    patient = guest("web", tags={f"server:{HOLD}": "30"})
    walk = Moving(patient, plan=plan(mode=Mode.EVACUATE, selection=chosen)).to_inspected()
    walk.see(Said(patient.id, Word.HANDLED, "vnfm", walk.now))
    told = [(e.outcome, e.cause) for e in walk.incident.timeline if e.outcome]
    assert told == [("waiting", ""), ("skipped", "handled")]


def test_the_words_are_plain() -> None:
    assert all(re.fullmatch(r"[a-z_]+", word) for word in Cause)
