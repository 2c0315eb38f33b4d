"""Names of agents: what was said under one is the word about the host that has it now."""

from __future__ import annotations

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.core.host import HostId
from doctor_daemon.inspectors.agents import GLANCES, Agents
from doctor_daemon.inspectors.voice import View
from tests.engine.rig import HOST, OTHER

ALIAS = "node-a"


class Names(dict[str, HostId]):
    """The configured names, as a reload may change them."""

    def whose(self, name: str) -> HostId | None:
        return self.get(name)


class Stage:
    """Two hosts, the first with an alias."""

    def __init__(self) -> None:
        self.names = Names({"cmp-1": HOST, "cmp-2": OTHER, ALIAS: HOST})
        self.agents = Agents()

    def hear(self, name: str, verdict: Verdict) -> None:
        host = self.agents.learn(name, "ddh1", self.names.whose)
        if host is not None:
            self.agents.tell(name, "ddh1", View(host, verdict, "heartbeat", ""))

    def said(self) -> list[tuple[str, str]]:
        """Say all, and return it."""
        views = self.agents.views(self.names.whose)
        self.agents.said()
        return [(one.host.name, one.verdict.value) for one in views]

    def wanted(self, *hosts: HostId) -> list[str]:
        return [name for _, name in self.agents.of(lambda host: host in hosts)]


def test_who_is_down_is_said_again_and_who_is_up_is_not() -> None:
    stage = Stage()
    stage.hear("cmp-1", Verdict.DOWN)
    stage.hear("cmp-2", Verdict.UP)
    assert stage.said() == [("cmp-1", "down"), ("cmp-2", "up")]
    assert stage.said() == [("cmp-1", "down")]


def test_a14_a_corrected_alias_takes_its_word_along_and_back() -> None:
    stage = Stage()
    stage.hear(ALIAS, Verdict.DOWN)
    assert stage.said() == [("cmp-1", "down")]
    stage.names[ALIAS] = OTHER
    assert sorted(stage.said()) == [("cmp-1", "withdrawn"), ("cmp-2", "down")]
    assert stage.said() == [("cmp-2", "down")]


def test_a14_a_corrected_alias_that_is_heard_again_leaves_nobody_accused() -> None:
    stage = Stage()
    stage.hear(ALIAS, Verdict.DOWN)
    stage.said()
    stage.names[ALIAS] = OTHER
    stage.hear(ALIAS, Verdict.UP)
    assert sorted(stage.said()) == [("cmp-1", "withdrawn"), ("cmp-2", "up")]
    assert stage.said() == []


def test_a14_a_host_that_speaks_for_itself_is_not_accused_under_a_corrected_alias() -> None:
    stage = Stage()
    stage.hear("cmp-2", Verdict.UP)
    stage.hear(ALIAS, Verdict.DOWN)
    stage.said()
    stage.names[ALIAS] = OTHER
    assert stage.said() == [("cmp-1", "withdrawn")]
    assert stage.said() == []


def test_a14_two_aliases_that_were_mixed_up_change_places() -> None:
    stage = Stage()
    stage.names |= {"node-b": OTHER}
    stage.hear(ALIAS, Verdict.DOWN)
    stage.hear("node-b", Verdict.UP)
    stage.said()
    stage.names |= {ALIAS: OTHER, "node-b": HOST}
    assert sorted(stage.said()) == [("cmp-1", "withdrawn"), ("cmp-2", "down")]
    stage.hear("node-b", Verdict.DOWN)
    assert sorted(stage.said()) == [("cmp-1", "down"), ("cmp-2", "down")]
    stage.names |= {ALIAS: HOST, "node-b": OTHER}
    assert sorted(stage.said()) == [("cmp-1", "down"), ("cmp-2", "down")]


def test_a14_of_a_host_that_was_taken_out_nothing_is_said() -> None:
    stage = Stage()
    stage.hear("cmp-1", Verdict.DOWN)
    stage.said()
    del stage.names["cmp-1"]
    assert stage.said() == []


def test_two_names_of_a_host_that_was_renamed_are_one_voice() -> None:
    stage = Stage()
    stage.hear("cmp-1", Verdict.DOWN)
    stage.hear(ALIAS, Verdict.UP)
    assert stage.said() == [("cmp-1", "up")]
    assert stage.said() == []


def test_the_next_beat_is_asked_of_whoever_has_the_host_by_now() -> None:
    stage = Stage()
    stage.hear(ALIAS, Verdict.UP)
    stage.hear("new-1", Verdict.UP)
    assert stage.wanted(HOST) == [ALIAS]
    new = HostId("default", "new-1")
    stage.names |= {ALIAS: OTHER, "new-1": new}
    for _ in range(GLANCES):
        stage.agents.glance(stage.names.whose)
    assert (stage.wanted(HOST), stage.wanted(OTHER), stage.wanted(new)) == ([], [ALIAS], ["new-1"])
