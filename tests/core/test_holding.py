"""Servers that wait for a word of their project, and what the word does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.evacuating import enter
from doctor_daemon.core.evacuation import Evacuation, Stage
from doctor_daemon.core.holding import (
    Said,
    Word,
    answerable,
    asked,
    early,
    hold_s,
    holds,
    told,
    took,
)
from doctor_daemon.core.host import Mode, Selection, Server
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.messages import Resumed, Wait
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.policy import Policy
from doctor_daemon.core.proof import Power
from doctor_daemon.core.selection import HOLD, kept
from doctor_daemon.core.service import in_service
from doctor_daemon.core.sightings import Noticed
from doctor_daemon.core.turns import waiting
from tests.core import make
from tests.core.make import Fields, at, context, plan
from tests.core.moving import Moving, guest

WAITING, SKIPPED, POSTING = Stage.WAITING, Stage.SKIPPED, Stage.POSTING
MOST_S = 60.0
SELECTION = Selection(shared_storage=True, hold_max_s=MOST_S)
HOST: dict[str, Fields] = {"plan": plan(mode=Mode.EVACUATE, selection=SELECTION)}
HANDLED = "its project takes care of it itself, says vnfm"
WORDLESS = "it waits for a word of its project"


def patient(name: str, seconds: str = "30") -> Server:
    return guest(name, tags={f"server:{HOLD}": seconds})


def word(walk: Moving, name: str, said: Word) -> Said:
    return Said(guest(name).id, said, "vnfm", walk.now)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        (" 7 ", 7.0),
        ("60", 60.0),
        ("3600", 60.0),
        ("999999", 60.0),
        ("0", 0.0),
        ("", 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("soon", 0.0),
        ("1234567", 0.0),
        ("\u0667", 0.0),
    ],
)
def test_how_long_a_server_is_to_wait_within_the_operators_maximum(
    text: str, seconds: float
) -> None:
    assert hold_s(patient("web", text), SELECTION) == seconds
    assert hold_s(patient("web", text), Selection(shared_storage=True)) == 0.0
    assert hold_s(guest("web"), SELECTION) == 0.0


def test_the_wish_is_kept_with_the_server() -> None:
    assert kept(patient("web"), None, SELECTION).tags == {f"server:{HOLD}": "30"}


def test_no_wait_is_longer_than_half_the_time_in_which_there_must_be_progress() -> None:
    record = Evacuation(patient("web", "60"), WAITING, at(0))
    now = context(0, policy=Policy(progress_s=60.0), **HOST)
    assert asked(record, now).hold_until == at(30)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not WAITING])
def test_only_what_is_still_to_be_moved_waits(stage: Stage) -> None:
    record = Evacuation(patient("web"), stage, at(0))
    assert asked(record, context(0, **HOST)) is record
    assert not holds(replace(record, hold_until=at(9)), at(1))


def test_a_server_waits_as_long_as_it_wants_and_others_go_at_once() -> None:
    web = patient("web")
    walk = Moving(web, "db", **HOST).to_inspected()
    assert walk.posts == [("db", 1)]
    assert walk.record().hold_until == walk.now.plus(30)
    heard = [(e.text, e.servers) for e in walk.incident.timeline if e.outcome == WAITING]
    assert heard == [("waiting for a word of their projects, 30 s at most: web", (web,))]
    assert any(isinstance(e, Wait) and e.until.since(walk.now) <= 30 for e in walk.due)
    walk.accept().guard(29.5)
    assert (walk.stage(), walk.posts) == (WAITING, [])
    walk.guard(1)
    assert walk.posts == []  # Nova's word on it is too old by now
    assert walk.again().posts == [("web", 1)]


def test_moved_by_its_project_while_it_waits_it_is_not_asked_for() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    walk.begins(1).turns(1, "done").elapse(2).calm().follow()
    assert (walk.phase, walk.stage(), walk.record().to) == (Phase.DOWN, Stage.MOVED, "cmp-9")


def test_begun_by_somebody_else_while_it_waits_it_is_followed() -> None:
    """Nothing shows it before the list of all: no scheduler has touched it."""
    walk = Moving(patient("web"), **HOST).to_inspected()
    walk.guard(27).begins(1).elapse(2).calm().follow(untouched=(1,))
    walk.guard(2)
    assert (walk.stage(), walk.posts) == (WAITING, [])
    assert (walk.again().stage(), walk.posts) == (Stage.UNDER_WAY, [])


def test_who_waits_holds_up_no_later_rank() -> None:
    first = guest("web", tags={f"server:{HOLD}": "30", "server:instanceha:restart_priority": "900"})
    assert Moving(first, "db", **HOST).to_inspected().posts == [("db", 1)]


def test_where_the_operator_lets_nobody_wait_nobody_does() -> None:
    assert Moving(patient("web")).to_inspected().posts == [("web", 1)]


def test_go_ends_the_wait_and_it_is_moved() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    before, said = walk.incident, word(walk, "web", Word.GO)
    assert walk.see(said).posts == [("web", 1)]
    assert took(before, walk.incident, said)
    assert walk.said == "vnfm says go for web"


def test_handled_leaves_it_and_its_owner_is_told() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    before, said = walk.incident, word(walk, "web", Word.HANDLED)
    assert walk.see(said).phase is Phase.DOWN
    assert (walk.stage(), walk.record().why, walk.record().hold_until) == (SKIPPED, HANDLED, None)
    assert walk.outcomes == [("waiting", ["web"]), ("skipped", ["web"])]
    assert took(before, walk.incident, said)


@pytest.mark.parametrize("said", list(Word))
def test_a_word_that_comes_too_late_means_nothing(said: Word) -> None:
    walk = Moving(patient("web"), "db", **HOST).to_inspected()
    walk.guard(31).again()
    assert walk.stage() is POSTING
    before, late = walk.incident, word(walk, "web", said)
    assert not answerable(before, late.server, walk.now)
    assert walk.see(late).incident is before
    assert not took(before, before, late)


def test_a_word_about_a_server_that_does_not_wait_means_nothing() -> None:
    walk = Moving(patient("web"), "db", **HOST).to_evacuating()
    for name in ("db", "nobody"):
        late = word(walk, name, Word.HANDLED)
        before = walk.incident
        assert walk.see(late).incident is before
        assert not took(before, before, late)
    walk.inspect()
    late = word(walk, "db", Word.HANDLED)
    assert walk.see(late).stage("db") is POSTING
    assert not took(walk.incident, walk.incident, late)


def test_go_for_a_server_that_never_waited_is_not_taken() -> None:
    walk = Moving("db", **HOST).to_inspected()
    assert not took(walk.incident, walk.incident, word(walk, "db", Word.GO))


def test_another_ones_word_is_not_taken_for_ours() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    before, said = walk.incident, word(walk, "web", Word.HANDLED)
    walk.see(said)
    assert not took(before, walk.incident, replace(said, by="other"))
    assert not took(before, walk.incident, word(walk, "web", Word.GO))


def test_who_waits_in_words() -> None:
    now = context(0, **HOST)
    records = [asked(Evacuation(patient(f"vm-{n}", str(n)), WAITING, at(0)), now) for n in range(9)]
    incident = make.incident()
    entry = told(incident, records, now).timeline[-1]
    assert entry.text == (
        "waiting for a word of their projects, 8 s at most: vm-1, vm-2, vm-3, vm-4, vm-5 and 3 more"
    )
    assert (entry.tell, entry.outcome, len(entry.servers or ())) == (NoticeKind.OUTCOME, WAITING, 8)
    assert told(incident, records[:1], now) is incident
    because = dict.fromkeys([one.server.id for one in records[1:]], WORDLESS)
    assert waiting(records, now) == because


def test_how_long_they_wait_is_told_in_whole_seconds() -> None:
    """After a restart on another boot what is left is told by the wall clock: 29.9871 s."""
    record = asked(Evacuation(patient("web"), WAITING, at(0)), context(0, **HOST))
    entry = told(make.incident(), [record], context(0.0129, **HOST)).timeline[-1]
    assert entry.text == "waiting for a word of their projects, 30 s at most: web"


@pytest.mark.parametrize("phase", list(Phase))
def test_before_nova_was_asked_a_word_is_too_early(phase: Phase) -> None:
    known = guest("web")
    before = make.incident(phase=phase, servers={known.id: known})
    said = Said(known.id, Word.GO, "vnfm", at(0))
    soon = phase in (Phase.SUSPECTED, Phase.FENCING, Phase.FORCING_DOWN, Phase.EVACUATING)
    assert early(before, said, None) is soon
    assert early(before, said, frozenset({known.project})) is soon
    assert not early(before, said, frozenset({"another"}))
    assert not early(before, replace(said, server=guest("db").id), None)
    asked_for = Evacuation(known, WAITING, at(0))
    assert not early(replace(before, evacuations={known.id: asked_for}), said, None)


def test_while_its_host_is_fenced_once_more_a_word_is_too_early() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    walk.elapse(5).identify().read(Power.ON)
    said = word(walk, "web", Word.HANDLED)
    assert walk.phase is Phase.FENCING
    assert early(walk.incident, said, frozenset({guest("web").project}))
    assert not early(walk.incident, replace(said, at=walk.now.plus(30)), None)
    walk.fence()
    assert answerable(walk.incident, said.server, walk.now)


def test_c15_after_its_host_was_in_service_and_has_failed_again_its_project_is_asked_anew() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    walk.see(word(walk, "web", Word.HANDLED))
    assert walk.stage() is SKIPPED
    used = in_service(walk.incident)
    walk.incident = enter(replace(used, phase=Phase.FORCING_DOWN), walk.context, "off again")
    walk.inspect()
    assert (walk.stage(), walk.posts, walk.outcomes[-1][0]) == (WAITING, [], "waiting")
    assert walk.see(word(walk, "web", Word.HANDLED)).stage() is SKIPPED


# reboot


def rebooted(*seconds: str, away_s: float = 20.0, selection: Selection = SELECTION) -> Moving:
    """Let servers wait for so long, and the daemon come back after a reboot that took a while."""
    servers = [patient(f"vm-{number}", text) for number, text in enumerate(seconds)]
    walk = Moving(*servers, "db", **HOST).to_inspected()
    wall_s = walk.now.wall_s + away_s
    walk.given(plan=plan(mode=Mode.EVACUATE, selection=selection))
    walk.given(now=Instant(make.OTHER_BOOT, 50.0, wall_s))
    return walk.see(Resumed())


def test_after_a_reboot_it_waits_for_what_is_left_by_the_wall_clock() -> None:
    walk = rebooted("30", "60")
    for name, left_s in (("vm-0", 10.0), ("vm-1", 40.0)):
        assert walk.record(name).hold_until == walk.now.plus(left_s)
    assert walk.record("db").hold_until is None
    assert walk.said == "waiting for a word of their projects, 40 s at most: vm-0, vm-1"
    said = word(walk, "vm-1", Word.HANDLED)
    assert walk.see(said).stage("vm-1") is SKIPPED


def test_after_a_reboot_that_took_longer_nobody_waits() -> None:
    walk = rebooted("30", away_s=31.0)
    assert not holds(walk.record("vm-0"), walk.now)
    assert "waiting for a word" not in walk.said


def test_after_a_reboot_nobody_is_asked_for_a_word_that_would_not_be_taken() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected().wait(4)
    gone = make.sighting(0, asked_at=walk.now, status="disabled", reason="other")
    walk.see(Noticed(gone))
    assert (walk.phase, walk.gate) == (Phase.HELD, "flag")
    lines = len(walk.incident.timeline)
    walk.given(now=Instant(make.OTHER_BOOT, 50.0, walk.now.wall_s + 5)).see(Resumed())
    assert holds(walk.record(), walk.now)
    assert len(walk.incident.timeline) == lines


def test_a_wall_clock_that_was_put_back_makes_nobody_wait_longer_than_the_maximum() -> None:
    walk = rebooted("30", away_s=-86_400.0)
    assert walk.record("vm-0").hold_until == walk.now.plus(30)


def test_where_the_operator_has_allowed_it_no_more_nobody_waits_after_a_reboot() -> None:
    walk = rebooted("30", selection=Selection(shared_storage=True))
    assert not holds(walk.record("vm-0"), walk.now)


def test_a_restart_on_the_same_boot_changes_nothing_of_it() -> None:
    walk = Moving(patient("web"), **HOST).to_inspected()
    until = walk.record().hold_until
    lines = len(walk.incident.timeline)
    assert walk.wait(10).see(Resumed()).record().hold_until == until
    assert not any("waiting" in entry.text for entry in walk.incident.timeline[lines:])
