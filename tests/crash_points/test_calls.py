"""No call leaves the daemon that no story reaches, and so is struck at: a new one fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from doctor_daemon.core.ports import Said
from doctor_daemon.core.tries import Outcome
from doctor_daemon.ports import Network, PowerDevice, Storage, Store
from tests.crash_points.calls import every_call, unknown
from tests.crash_points.more_stories import STORIES
from tests.crash_points.telling import whole
from tests.house.source import ROOT
from tests.simulation.tally import quiet

OFFERED = "the engine offers it to sources: what it does goes out by the store"
TOOL = "a command asks it, and no daemon"
LIFE = "the daemon's end, or a loop that keeps a token: nothing is decided by it"
UNREACHED = {
    "Canaries": "the command `drill` makes servers, and no daemon",
    "Clock": "time is no call that leaves the daemon",
    "Hints": OFFERED,
    "Identifying": "whose token it is is asked before anything is taken in",
    "Inspector": "the loop of a source, which offers what it hears to the engine",
    "Intake": OFFERED,
    "LeaderLock": "taken before there is an engine, and given back by the kernel",
    "Lifeline": "a power device asks for it, in a cut: its file is killed at in tests/heartbeat",
    "Moving": "the commands `store export` and `store import`, while no daemon runs",
    "Records": OFFERED,
    "Replays": OFFERED,
    "Seal": OFFERED,
    "Soundness": "a wait for what only reads, and for which all that changes the world waits",
    "Windows": OFFERED,
    "Controller.check": TOOL,
    "Controller.hidden_from_owners": TOOL,
    "Controller.run": LIFE,
    "Controller.close": LIFE,
    "Network.check": TOOL,
    "Network.run": LIFE,
    "Network.close": LIFE,
    "Storage.check": TOOL,
    "Storage.run": LIFE,
    "Storage.close": LIFE,
    "Notifier.close": LIFE,
    "PowerDevice.close": LIFE,
    "Store.close": LIFE,
    "Leadership.release": LIFE,
}
"""What no story reaches, and why: a whole port, or one call of it."""
ENGINE = ROOT / "doctor_daemon" / "engine"
INSTRUMENTS = ("store", "controller", "nova", "storage", "network", "device", "_notifier", "words")
"""What the engine calls its instruments."""
NAMESAKES = (
    *("_ledger", "_lock", "_pledges", "_slots", "door", "errands", "file", "gc", "os"),
    *("outbox", "pledges", "standby"),
)
"""What else in the engine has a method of such a name, and changes nothing outside."""


@pytest.fixture(autouse=True)
def _silent() -> None:
    quiet()


@cache
def reached() -> dict[str, set[tuple[str, str]]]:
    """Return every call that any story makes, and from where."""
    found: dict[str, set[tuple[str, str]]] = {}
    for story in STORIES.values():
        for shared in [False] * story.alone + [True] * story.shared:
            for one in whole(story, shared=shared).crossed:
                found.setdefault(one.crossing.name, set()).add(one.crossing.site)
    return found


def test_every_call_of_every_port_is_reached_by_a_story_or_has_a_reason() -> None:
    calls = dict(every_call())
    excused = {call for call in calls if call in UNREACHED or call.split(".")[0] in UNREACHED}
    assert set(calls) - excused - set(reached()) == set()
    assert excused & set(reached()) == set(), "it is reached: its reason is not true any more"
    ports = {call.split(".")[0] for call in calls}
    assert {name for name in UNREACHED if name not in calls and name not in ports} == set()


def test_what_changes_something_is_told_from_a_question_by_its_signature() -> None:
    calls = dict(every_call())
    changing = {call for call, changes in calls.items() if changes}
    assert {"PowerDevice.cut", "Store.commit", "Network.say", "Notifier.deliver"} <= changing
    assert {"PowerDevice.read", "Store.load", "Network.bound", "Leadership.confirm"} <= (
        set(calls) - changing
    )


def test_a_lost_answer_is_unknown_where_the_port_has_a_word_for_it() -> None:
    assert unknown(PowerDevice, "cut") is Outcome.UNKNOWN
    assert unknown(Storage, "disable") is Outcome.UNKNOWN
    assert unknown(Network, "say") is Said.UNKNOWN
    assert unknown(Store, "commit") is None


def sites() -> Iterator[tuple[str, str, str, str]]:
    """Yield each call in the engine by a name that changes something: where, of what, and which."""
    names = {call.split(".")[1] for call, changes in every_call() if changes}
    for path in sorted(ENGINE.glob("*.py")):
        for function, node in _calls(ast.parse(path.read_text(encoding="utf-8")), "<module>"):
            if isinstance(node.func, ast.Attribute) and node.func.attr in names:
                of = ast.unparse(node.func.value).rpartition(".")[2]
                yield f"engine/{path.name}", function, of, node.func.attr


def _calls(node: ast.AST, within: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call, with the name that its frame has."""
    for child in ast.iter_child_nodes(node):
        inside = within
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = child.name
        elif isinstance(child, ast.Lambda):
            inside = "<lambda>"
        if isinstance(child, ast.Call):
            yield within, child
        yield from _calls(child, inside)


def test_every_place_that_changes_something_is_reached_by_a_story() -> None:
    made = {(*site, call.split(".")[1]) for call, all_ in reached().items() for site in all_}
    left = []
    for path, function, of, call in sites():
        if of in INSTRUMENTS:
            if (path, function, call) not in made:
                left.append(f"{path}, {function}: {of}.{call} is reached by no story")
        elif of not in NAMESAKES:
            left.append(f"{path}, {function}: whether {of} is an instrument is not known")
    assert left == []


def test_a_call_is_found_by_the_name_of_its_frame() -> None:
    lines = ("def f(store):", "    async def one(): store.commit()", "    g(lambda: nova.lift())")
    source = "\n".join(lines)
    found = {(name, ast.unparse(call)) for name, call in _calls(ast.parse(source), "<module>")}
    assert ("one", "store.commit()") in found
    assert ("<lambda>", "nova.lift()") in found
    assert Path(__file__).is_relative_to(ROOT)
