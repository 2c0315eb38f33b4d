"""What is counted, and what is called wrong: on records made by hand, each with one thing amiss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from doctor_daemon.cli.demo import ends
from doctor_daemon.cli.demo.facts import Facts, tally
from doctor_daemon.cli.demo.invariants import broken
from doctor_daemon.cli.demo.play import judged
from doctor_daemon.cli.demo.stories import STORIES
from doctor_daemon.lab.consumer import Receipt, Verdict
from doctor_daemon.lab.faults import Service
from doctor_daemon.lab.record import Entry, Kind, violations
from doctor_daemon.lab.witness import Seen

AT_S = 100.0
DEAD, OTHER, THIRD = "compute-1", "compute-2", "compute-3"
SYSTEM = "/redfish/v1/Systems/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


def entry(after_s: float, kind: Kind, host: str, server: str = "", by: str = "") -> Entry:
    return Entry(AT_S + after_s, kind, host, server, by)


def seen(after_s: float, service: Service, method: str, path: str, host: str = DEAD) -> Seen:
    at_s = AT_S + after_s
    return Seen(at_s, service, method, path, host, done_s=at_s + 0.01, status=200)


def notice(after_s: float, kind: str, consumer: str = "operators", **more: Any) -> Receipt:  # noqa: ANN401 - of a notice
    named = [{"id": "a"}, {"id": "b"}]
    data = {"kind": kind, "fenced": "pending", "servers": named, **more}
    id_ = f"{consumer}-{kind}-{after_s}"
    return Receipt(AT_S + after_s, consumer, Verdict.NEW, id_, {"data": data})


ENTRIES = (
    entry(-9, Kind.POWER_ON, DEAD),
    entry(-9, Kind.GUEST_START, DEAD, "a"),
    entry(-9, Kind.GUEST_START, DEAD, "b"),
    entry(-9, Kind.GUEST_START, OTHER, "c"),
    entry(2.5, Kind.GUEST_STOP, DEAD, "a"),
    entry(2.5, Kind.GUEST_STOP, DEAD, "b"),
    entry(2.5, Kind.POWER_OFF, DEAD),
    entry(5, Kind.FORCED_DOWN, DEAD, by="doctor"),
    entry(6, Kind.EVACUATE, DEAD, "a", by="doctor"),
    entry(6, Kind.EVACUATE, DEAD, "b", by="doctor"),
    entry(7, Kind.GUEST_START, OTHER, "a"),
    entry(7, Kind.GUEST_START, THIRD, "b"),
)
REQUESTS = (
    seen(0.1, Service.CONSUMER, "POST", "/hooks/operators", "operators"),
    seen(2, Service.BMC, "POST", RESET),
    seen(2.2, Service.BMC, "GET", SYSTEM),
    seen(3, Service.BMC, "GET", SYSTEM),
    seen(4.5, Service.BMC, "GET", SYSTEM),
    seen(4.9, Service.NOVA, "PUT", "/v2.1/os-services/1"),
    seen(5.9, Service.NOVA, "POST", "/v2.1/servers/a/action"),
    seen(5.9, Service.NOVA, "POST", "/v2.1/servers/b/action"),
    seen(6.5, Service.BMC, "GET", SYSTEM),
)
RECEIPTS = (
    notice(0.2, "suspected"),
    notice(0.3, "suspected", "project-1"),
    notice(5.2, "confirmed"),
    notice(5.4, "confirmed", "project-1"),
    notice(8, "outcome", outcome="moved"),
)


def facts(**changes: Any) -> Facts:  # noqa: ANN401 - fields of Facts
    """A host that died, was fenced and evacuated as it should be, but for the changes."""
    entries = changes.get("entries", ENTRIES)
    made = Facts(DEAD, AT_S, "doctor", entries, REQUESTS, RECEIPTS, violations(entries))
    return replace(made, **changes)


def test_what_is_counted() -> None:
    assert tally(facts(), ()) == {
        "servers": 2,
        "evacuated": 2,
        "violations": 0,
        "detected_to_early_notice_s": 0.3,
        "detected_to_proof_s": 4.51,
        "detected_to_forced_down_s": 5.0,
        "detected_to_confirmed_notice_s": 5.4,
    }


def test_what_never_came_is_counted_as_nothing() -> None:
    found = tally(facts(entries=ENTRIES[:4], requests=(), receipts=()), ("one", "two"))
    assert (found["servers"], found["evacuated"], found["violations"]) == (2, 0, 2)
    assert {value for name, value in found.items() if name.endswith("_s")} == {None}


def test_a_humans_word_is_no_reading() -> None:
    refused = [replace(seen_, status=503) for seen_ in REQUESTS]
    assert facts(requests=refused).proof_s is None


def test_nothing_is_wrong_where_all_went_well() -> None:
    assert broken(facts()) == []
    assert ends.MOVED.wrong(facts()) == []
    assert judged(STORIES["none"], facts()).wrong == []


def without(kind: Kind) -> tuple[Entry, ...]:
    return tuple(e for e in ENTRIES if e.kind is not kind or e.at_s < AT_S)


TOO_EARLY = seen(2.3, Service.NOVA, "PUT", "/v2.1/os-services/1")
EARLY_POST = seen(2.4, Service.NOVA, "POST", "/v2.1/servers/a/action")
AMISS: Mapping[str, tuple[Facts, str]] = {
    "two writers": (facts(entries=without(Kind.GUEST_STOP)), "the server runs on 2 hosts at once"),
    "never off": (facts(entries=without(Kind.POWER_OFF)), "forced_down was set while the host had"),
    "forced down too early": (
        facts(requests=(*REQUESTS, TOO_EARLY)),
        "Nova was told that compute-1 is down before it was off",
    ),
    "asked for too early": (
        facts(requests=(*REQUESTS, EARLY_POST)),
        "an evacuation was asked for before compute-1 was off",
    ),
    "not forced down": (
        facts(entries=without(Kind.FORCED_DOWN)),
        "an evacuation was asked for before compute-1 was forced down",
    ),
    "another server moved": (
        facts(entries=(*ENTRIES, entry(9, Kind.GUEST_STOP, OTHER, "c"))),
        "c ran on ['compute-2'], which did not fail, and now runs on []",
    ),
    "another host off": (
        facts(entries=(*ENTRIES, entry(9, Kind.POWER_OFF, OTHER))),
        "power-off of compute-2, which did not fail",
    ),
    "another host to be cut": (
        facts(requests=(*REQUESTS, seen(9, Service.BMC, "POST", RESET, OTHER))),
        "compute-2, which did not fail, was to be cut",
    ),
    "nobody warned": (
        facts(requests=REQUESTS[1:]),
        "the power of compute-1 was cut before anybody was told",
    ),
    "a forged notice": (
        facts(receipts=(*RECEIPTS, Receipt(AT_S, "p", Verdict.REFUSED, "1", why="no signature"))),
        "p did not believe notice 1: no signature",
    ),
    "a notice that has changed": (
        facts(receipts=(*RECEIPTS, replace(RECEIPTS[0], verdict=Verdict.CHANGED))),
        "operators did not believe notice operators-suspected-0.2: ",
    ),
}


@pytest.mark.parametrize("name", AMISS)
def test_what_must_hold_is_missed_where_it_does_not(name: str) -> None:
    found, expected = AMISS[name]
    assert any(text.startswith(expected) for text in broken(found)), broken(found)
    judgement = judged(STORIES["none"], found)
    assert judgement.counted["violations"] == len(judgement.wrong) > 0


WRONG_ENDS: Mapping[str, tuple[ends.End, Facts, str]] = {
    "lost": (ends.MOVED, facts(entries=ENTRIES[:-1]), "b is lost: it runs on no host"),
    "flag not set": (
        ends.MOVED,
        facts(entries=without(Kind.FORCED_DOWN)),
        "compute-1 was forced down 0 times, expected once",
    ),
    "asked for twice": (
        ends.MOVED,
        facts(entries=(*ENTRIES, ENTRIES[-3])),
        "Nova took on 2 evacuations of b, expected one",
    ),
    "outcome untold": (
        ends.MOVED,
        facts(receipts=RECEIPTS[:-1]),
        "no operator was told what has become of a",
    ),
    "end untold": (
        ends.MOVED,
        facts(receipts=(*RECEIPTS[:3], RECEIPTS[-1])),
        "project-1 was warned, and not told how it ended: confirmed",
    ),
    "not repeated": (ends.MOVED_AND_REPEATED, facts(), "no notice was repeated"),
    "not fenced again": (
        ends.FENCED_AGAIN,
        facts(entries=(*ENTRIES, entry(9, Kind.POWER_ON, DEAD))),
        "compute-1 was switched on again, and not fenced again",
    ),
    "forced down": (ends.HELD, facts(), "compute-1 was forced down"),
    "evacuated": (ends.HELD, facts(), "2 evacuations were asked for"),
    "moved": (ends.HELD, facts(), "a was moved"),
    "nobody asked": (ends.HELD, facts(), "no operator was told that a human is needed"),
    "not tried": (ends.HELD_IN_VAIN, facts(requests=()), "nobody tried to cut the power"),
    "cut": (ends.HELD_UNTOUCHED, facts(), "the power of compute-1 was cut"),
    "touched": (ends.DISMISSED, facts(), "a ran on ['compute-1'] and now runs on ['compute-2']"),
    "none left": (ends.HELD_WITH_SOME, facts(), "0 servers are left of 2, expected some"),
    "not named": (
        ends.HELD_WITH_SOME,
        facts(entries=ENTRIES[:-1]),
        "b could not be moved, and no operator was told so",
    ),
    "acquitted": (ends.CONVICTED, facts(), "the lab's judge has seen nothing of it"),
}


@pytest.mark.parametrize("name", WRONG_ENDS)
def test_a_wrong_end_is_told(name: str) -> None:
    end, found, expected = WRONG_ENDS[name]
    assert any(text.startswith(expected) for text in end.wrong(found)), end.wrong(found)


def test_what_came_too_late_is_wrong_too() -> None:
    judgement = judged(STORIES["none"], facts(), ["after 1 s the incident is held"])
    assert (judgement.counted["violations"], len(judgement.wrong)) == (1, 1)
