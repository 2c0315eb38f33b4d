"""What is printed, of answers that are given: every phase, and every kind of proof."""

from __future__ import annotations

from typing import Any

import pytest

from doctor_daemon.cli import show
from doctor_daemon.core.messages import Effect
from doctor_daemon.core.phases import Phase

ARMED = {"on": True, "by": "ann", "why": "tested"}
OPENED_S = 1_795_000_000.0
PART = {"device": "bmc", "uuid": "0-1", "reads": ["Off", "Off", "Off"]}


def answer(phase: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an incident
    incident = {
        "id": "cafe00000001",
        "phase": phase,
        "opened_wall_s": OPENED_S,
        "held": None,
        "servers": 2,
        "evacuations": [],
        "proof": None,
        "evidence": [],
        "timeline": [],
    }
    return {
        "host": "cmp-1",
        "mode": "fence",
        "domain": "rack-1",
        "levels": [["redfish bmc", "pdu feed-a"], ["redfish redfish"], ["manual"]],
        "servers": 3,
        "incident": incident | more,
        "due": ["Wait"],
        "gates": {"cut": {"armed": "open"}, "force_down": {"armed": "open"}},
        "armed": ARMED,
        "maintenance": None,
    }


def shown(found: dict[str, Any]) -> list[str]:
    return list(show.explanation(found))


def test_a1_what_contradicts_is_shown_while_it_is_waited_for() -> None:
    says = "contradicting evidence: ping has seen it alive, and am calls it down"
    row = f"  {'waits':12}  {says}; nothing is cut meanwhile"
    assert row in shown(answer("suspected", contradicted=says))
    held = {"gate": "contradiction", "why": says, "frees": "find out"}
    assert row not in shown(answer("held", contradicted=says, held=held))


def test_a_held_host_reads_from_what_is_needed_to_how_it_came_about() -> None:
    held = {
        "gate": "fencing",
        "why": "every fencing level has failed: cmp-1 may be running",
        "frees": "`doctor-daemon confirm-off HOST`; or `doctor-daemon fence HOST`",
    }
    word = {"source": "am", "kind": "prometheus", "verdict": "down", "count": 3, "summary": "down"}
    entries = [
        {"after_s": 0.0, "phase": "suspected", "text": "am says down", "told": "suspected"},
        {"after_s": 12.3456, "phase": "fencing", "text": "cutting", "told": None},
        {"after_s": None, "phase": "held", "text": "held: it failed", "told": "held"},
    ]
    found = answer("held", held=held, evidence=[word, word | {"count": 1, "summary": ""}])
    found["incident"]["timeline"] = entries
    found["gates"]["cut"] = {"armed": "it is disarmed", "budget": "used up", "look": "open"}
    assert shown(found | {"due": []}) == [
        "cmp-1: HELD: a human is needed",
        "  why           every fencing level has failed: cmp-1 may be running (gate fencing)",
        "  what frees    `doctor-daemon confirm-off cmp-1`; or `doctor-daemon fence cmp-1`",
        "  incident      cafe00000001, opened 2026-11-18 11:06:40Z",
        "  servers       2 concerned",
        "  evidence      am (prometheus) says down, 3 times: down",
        "  evidence      am (prometheus) says down, once",
        "  proof         none: nobody has shown that the power is off",
        "  power cut     shut, armed: it is disarmed",
        "                and budget: used up",
        "  force-down    every gate is open",
        "  now           nothing until a human acts",
        "  host          mode fence, failure domain rack-1, 3 servers on it",
        (
            "  fencing       redfish bmc and pdu feed-a, then redfish, then manual (a human makes "
            "sure)"
        ),
        "  daemon        ARMED by ann: tested",
        "timeline, in milliseconds since the first evidence:",
        "             0  suspected     am says down  [suspected notice]",
        "        12,346  fencing       cutting",
        "  another boot  held          held: it failed  [held notice]",
    ]


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_is_told_in_words(phase: Phase) -> None:
    said = shown(answer(phase.value))
    assert said[0] == f"cmp-1: {show.PHASES[phase.value]}"
    assert any(line.startswith("  now ") for line in said) is (not phase.final)
    with_gates = not phase.final and phase is not Phase.DOWN
    assert any(line.startswith("  power cut ") for line in said) is with_gates


def test_every_effect_is_told_in_words() -> None:
    assert set(show.DOING) == {effect.__name__ for effect in Effect.__args__}
    due = ["Identify", "Identify", "Look", "Wait"]
    (now,) = [line for line in shown(answer("fencing") | {"due": due}) if "  now " in line]
    assert now == (
        "  now           asking the power devices who their host is, asking Nova how the host "
        "stands, waiting"
    )


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (
            {"kind": "power", "taken_wall_s": OPENED_S, "by": "", "why": "", "devices": [PART]},
            ["bmc of 0-1 read Off, Off, Off, at 2026-11-18 11:06:40Z"],
        ),
        (
            {"kind": "human", "taken_wall_s": OPENED_S, "by": "ann", "why": "saw", "devices": []},
            ["ann vouched at 2026-11-18 11:06:40Z that it is off: saw"],
        ),
    ],
)
def test_a_proof_says_who_and_when(proof: dict[str, Any], said: list[str]) -> None:
    found = shown(answer("forcing_down", proof=proof))
    assert [line for line in found if line.startswith("  proof ")] == [
        f"  proof         {text}" for text in said
    ]


def test_a_host_without_anything() -> None:
    bare = answer("held") | {"incident": None, "levels": [], "domain": "", "servers": 0}
    window = {"host": "cmp-1", "by": "bob", "why": "a disk", "left_s": 30.0}
    assert shown(bare | {"maintenance": window}) == [
        "cmp-1: no incident on record",
        "  host          mode fence, failure domain (none), 0 servers on it",
        "  fencing       no level is configured: it would be held",
        "  maintenance   in maintenance by bob, 1 min left: a disk",
        "  daemon        ARMED by ann: tested",
    ]


def test_status_puts_first_what_needs_a_human() -> None:
    row = {"id": "a", "host": "cmp-1", "phase": "down", "opened_wall_s": OPENED_S, "text": "t"}
    found = {
        "ready": False,
        "mode": "fence",
        "armed": {"on": False, "by": "", "why": "never armed"},
        "hosts": 2,
        "servers_as_of_wall_s": 0,
        "budget": {"used": 1, "total": 4, "per_domain": 2, "window_s": 900.0},
        "maintenance": [{"host": "cmp-2", "by": "bob", "why": "a disk", "left_s": 7190.0}],
        "incidents": [row, row | {"id": "b", "host": "longer-name", "phase": "held"}],
        "dead_letters": {"vnfm": 2, "ops": 1},
    }
    assert list(show.status(found)) == [
        "NOT READY, mode fence, disarmed: never armed",
        "                no power is cut until `doctor-daemon arm --why REASON`",
        "  budget        1 of 4 hosts fenced in 900 s (at most 2 of one failure domain)",
        "  hosts         2; servers as of never",
        "  maintenance   cmp-2 in maintenance by bob, 2 h 0 min left: a disk",
        "  notices       given up: 1 to ops, 2 to vnfm; see `doctor-daemon notices --dead`",
        "  incidents     2 open, 1 of them HELD: `doctor-daemon explain HOST`",
        "  2026-11-18 11:06:40Z  b  longer-name  held          t",
        "  2026-11-18 11:06:40Z  a  cmp-1        down          t",
    ]


def test_status_names_ports_that_need_a_human_and_hosts_in_reserve_that_are_lent() -> None:
    found = {
        "ready": True,
        "mode": "fence",
        "armed": ARMED,
        "hosts": 2,
        "servers_as_of_wall_s": 0,
        "budget": {"used": 0, "total": 4, "per_domain": 2, "window_s": 900.0},
        "maintenance": [],
        "incidents": [],
        "dead_letters": {},
        "ports": [{"host": "cmp-1", "why": "403"}],
        "reserves": [
            {"host": "cmp-1", "reserve": "cmp-9", "stage": "lent"},
            {"host": "cmp-2", "reserve": "", "stage": "choosing"},
        ],
    }
    lines = list(show.status(found))
    assert "  ports         403: `doctor-daemon explain cmp-1`" in lines
    assert "  reserve       cmp-9 for cmp-1, lent" in lines
    assert "  reserve       none yet for cmp-2, choosing" in lines


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("a\tb", "a\\tb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x85", "\\x85"),
        ("Zürich €", "Zürich €"),
    ],
)
def test_a_line_is_printed_plainly(line: str, plain: str) -> None:
    assert show.plain(line) == plain


def test_servers_in_need_are_named_one_by_one_and_those_that_moved_in_short() -> None:
    one = {"server": "id-1", "name": "web-1", "project": "blue", "attempt": 1, "why": ""}
    records = [
        one | {"stage": "moved", "to": "cmp-2"},
        one | {"name": "web-2", "stage": "moved", "to": "cmp-2"},
        one
        | {"name": "", "server": "id-3", "stage": "failed", "to": "", "attempt": 3, "why": "full"},
        one | {"name": "web-4", "stage": "under way", "to": "cmp-3"},
    ]
    lines = shown(answer("evacuating", evacuations=records))
    assert "  server        id-3 is failed, attempt 3: full" in lines
    assert "  server        web-4 is under way to cmp-3" in lines
    assert "  moved         to cmp-2: web-1, web-2" in lines


def test_the_storage_of_a_host_says_what_is_needed_and_what_it_waits_for() -> None:
    task = {
        "service": "cmp-1@ceph",
        "stage": "down",
        "why": "bring cmp-1@ceph up elsewhere",
        "frees": "start one",
        "shut": "",
        "trouble": "",
        "story": [{"text": "it is disabled"}],
    }
    over = task | {"stage": "enabling", "why": "", "shut": "disarmed", "service": "cmp-1@b"}
    lines = shown(answer("down") | {"storage": [task, over | {"trouble": "503"}]})
    at = lines.index("  storage       cmp-1@ceph is down: it is disabled")
    assert lines[at + 1 : at + 5] == [
        "                needed: bring cmp-1@ceph up elsewhere",
        "                so: start one",
        "  storage       cmp-1@b is enabling: it is disabled",
        "                it waits: disarmed",
    ]


def test_what_cinder_has_not_told_yet_is_shown() -> None:
    looking = {
        "service": "",
        "stage": "looking",
        "why": "see whether a cinder-volume ran on cmp-1",
        "frees": "it goes on once Cinder answers",
        "shut": "",
        "trouble": "503",
        "story": [{"text": "see whether a cinder-volume ran on cmp-1"}],
    }
    lines = shown(answer("down") | {"storage": [looking]})
    assert "  storage       see whether a cinder-volume ran on cmp-1" in lines
    assert "                it waits: 503" in lines


def test_the_ports_of_a_host_say_what_is_needed_and_what_they_wait_for() -> None:
    task = {
        "stage": "held",
        "why": "Neutron answered 403",
        "frees": "see to that",
        "shut": "",
        "story": [{"text": "held: Neutron answered 403; see to that"}],
    }
    lines = shown(answer("down") | {"ports": task})
    at = lines.index("  ports         held: Neutron answered 403; see to that")
    assert lines[at + 1 : at + 3] == [
        "                needed: Neutron answered 403",
        "                so: see to that",
    ]
    lines = shown(answer("down") | {"ports": task | {"stage": "marked", "why": "", "shut": "off"}})
    assert "                it waits: off" in lines


def test_a_host_in_reserve_is_shown_with_the_host_that_it_stands_in_for() -> None:
    task = {
        "host": "cmp-9",
        "stage": "lent",
        "why": "",
        "frees": "",
        "story": [{"text": "cmp-9 is enabled, for the servers of cmp-1"}],
    }
    lines = shown(answer("down") | {"reserve": task})
    assert "  reserve       lent: cmp-9 is enabled, for the servers of cmp-1" in lines
    held = task | {"stage": "held", "why": "503", "frees": "disable it by hand"}
    lines = shown(answer("resolved") | {"reserve": held})
    assert "                needed: 503" in lines
