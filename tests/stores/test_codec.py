"""What is written can be read back, exactly; everything else is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from doctor_daemon.core.context import Armed, Maintenance
from doctor_daemon.core.evacuation import Evacuation, Stuck
from doctor_daemon.core.evidence import SUMMARY_MAX, WORDS_MAX, Trust, Verdict, Word
from doctor_daemon.core.gates import Act
from doctor_daemon.core.host import Server
from doctor_daemon.core.incident import Entry, Held, Incident
from doctor_daemon.core.instant import Instant
from doctor_daemon.core.journal import Intent, Journal
from doctor_daemon.core.release import IDS_MAX
from doctor_daemon.core.retirement import (
    ERROR_MAX,
    NAMED_MAX,
    WORDS_OF_TRANSIT_MAX,
    Left,
    Retirement,
)
from doctor_daemon.core.tries import READINGS_MAX
from doctor_daemon.core.upkeep import Upkeep
from doctor_daemon.errors import Permanent
from doctor_daemon.stores.codec import (
    ARMED,
    ENTRY,
    EVACUATION,
    HEAD,
    HEAD_MAX,
    INSTANT,
    MAINTENANCE,
    SERVER,
    UPKEEP,
    dump_head,
    load_head,
    sound,
)
from doctor_daemon.stores.shape import shape
from tests.stores.anything import TEXTS, anything
from tests.stores.values import at, entries, incident, rich

INCIDENTS = anything(Incident)


def bare(made: Incident) -> Incident:
    return replace(made, timeline=(), servers={}, evacuations={})


@settings(max_examples=60)
@given(INCIDENTS)
def test_any_head_comes_back_as_it_was(made: Incident) -> None:
    assert HEAD.loads(HEAD.dumps(made)) == bare(made)


@settings(max_examples=40)
@given(anything(Entry), anything(Server), anything(Armed), anything(Maintenance), anything(Instant))
def test_any_row_comes_back_as_it_was(
    entry: Entry, one: Server, armed: Armed, window: Maintenance, moment: Instant
) -> None:
    assert ENTRY.loads(ENTRY.dumps(entry)) == entry
    assert SERVER.loads(SERVER.dumps(one)) == one
    assert ARMED.loads(ARMED.dumps(armed)) == armed
    assert MAINTENANCE.loads(MAINTENANCE.dumps(window)) == window
    assert INSTANT.loads(INSTANT.dumps(moment)) == moment


@settings(max_examples=40)
@given(anything(Evacuation))
def test_any_evacuation_comes_back_as_it_was(one: Evacuation) -> None:
    assert EVACUATION.loads(EVACUATION.dumps(one)) == one


@settings(max_examples=40)
@given(anything(Upkeep))
def test_anything_that_was_told_of_upkeep_comes_back_as_it_was(one: Upkeep) -> None:
    assert UPKEEP.loads(UPKEEP.dumps(one)) == one


@given(TEXTS)
def test_every_text_is_one_that_a_database_takes(text: str) -> None:
    assert ENTRY.dumps(replace(entries(1)[0], text=text)).encode()
    assert sound(text).encode().decode() == sound(text)


def test_the_types_of_values_come_back_too() -> None:
    made = HEAD.loads(HEAD.dumps(rich()))
    assert type(made.words["am/f00"].verdict) is Verdict
    assert type(made.opened_at.boot_s) is float
    assert made.fencing is not None
    assert type(made.fencing.devices["bmc"].readings) is tuple


def test_rows_are_put_back_into_the_head() -> None:
    made = rich()
    servers, moves = tuple(made.servers.values()), tuple(made.evacuations.values())
    assert load_head(dump_head(made), made.timeline, servers, moves) == made


def test_the_head_says_nothing_of_what_has_rows_of_its_own() -> None:
    value = json.loads(dump_head(rich()))["value"]
    assert value.keys() == {*Incident.__dataclass_fields__} - {
        *("timeline", "servers", "evacuations")
    }


def test_the_id_of_a_boot_stands_once() -> None:
    assert dump_head(rich()).count(at(0).boot_id) == 1


def changed(*path: str | int, to: object) -> str:
    """Return the text of a head in which one value is another."""
    document: Any = json.loads(dump_head(rich()))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (changed("value", "phase", to="asleep"), "phase: expected one of suspected"),
        (changed("value", "version", to="1"), "version: expected int, found str"),
        (changed("value", "version", to=True), "version: expected int, found bool"),
        (changed("value", "id", to=None), "id: expected str, found NoneType"),
        (changed("value", "colour", to="red"), "colour: expected no such field in Incident"),
        (changed("value", "id", to=...), "id: expected a value"),
        (changed("value", "opened_at", to=[7, 1.0, 1.0]), "opened_at: expected an instant"),
        (changed("value", "opened_at", to=[0, 1.0]), "opened_at: expected an instant"),
        (changed("value", "opened_at", to=[0, "1", 1.0]), "opened_at: expected a finite number"),
        (changed("value", "opened_at", to=[0, 10**400, 1]), "opened_at: expected a finite number"),
        (changed("value", "host", to=["default", "cmp-1"]), "host: expected an object for HostId"),
        (changed("value", "journal", "open", to=[{}]), "journal.open.0: expected an intent"),
        (changed("value", "journal", "open", to=[[True, "a", "b"]]), "expected an intent"),
        (changed("value", "words", to=[]), "words: expected a mapping"),
        (changed("value", "charges", to={}), "charges: expected a list"),
        (changed("value", "words", "am/f00", "count", to=1.5), "words.am/f00.count: expected int"),
        (
            changed("value", "fencing", "devices", "bmc", "readings", 0, "power", to="dim"),
            "fencing.devices.bmc.readings.0.power: expected one of",
        ),
        (changed("boots", to=[1]), "expected a value and its boots"),
        (changed("more", to=1), "expected a value and its boots"),
        (dump_head(rich()).replace("1.5", "NaN", 1), "NaN is no number"),
        (dump_head(rich())[:-1], "delimiter"),
        ("[" * 100_000, "it is nested too deeply"),
        ("", "Expecting value"),
        ("null", "expected a value and its boots"),
    ],
)
def test_what_is_not_exactly_a_head_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(Permanent, match=f"the saved incident cannot be read: .*{complaint}"):
        HEAD.loads(text)


def test_bytes_are_no_text() -> None:
    with pytest.raises(Permanent, match="expected text, found bytes"):
        HEAD.loads(dump_head(rich()).encode())


def test_a_field_that_is_newer_than_the_record_takes_its_default() -> None:
    assert HEAD.loads(changed("value", "refences", to=...)).refences == 0


def test_defaults_are_written_out() -> None:
    assert json.loads(dump_head(incident()))["value"]["listings"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        replace(incident(), servers_wall_s=math.inf),
        replace(incident(), servers_wall_s=math.nan),
        replace(incident(), tries=True),
        replace(incident(), service=7),  # type: ignore[arg-type]  # the mistake itself
        replace(incident(), phase="suspected"),  # type: ignore[arg-type]  # the mistake itself
        replace(incident(), charges=[at(0)]),  # type: ignore[arg-type]  # the mistake itself
        replace(incident(), words={1: "one"}),  # type: ignore[dict-item]  # the mistake itself
        replace(incident(), opened_at=0.0),  # type: ignore[arg-type]  # the mistake itself
        replace(incident(), journal=Journal(1, (at(0),))),  # type: ignore[arg-type]  # the mistake itself
        replace(incident(), held=at(0)),  # type: ignore[arg-type]  # the mistake itself
    ],
)
def test_what_could_not_be_read_back_is_not_written(wrong: Incident) -> None:
    with pytest.raises(ValueError, match="expected"):
        dump_head(wrong)


def test_a_type_without_a_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="has no shape"):
        shape(set[str])


def longest(words: int, summary: int) -> Incident:
    """Return an incident as large as the limits of the core let it become, but for its words."""
    made = rich()
    assert made.fencing is not None
    assert made.proof is not None
    device = made.fencing.devices["bmc"]
    device = replace(device, readings=device.readings * READINGS_MAX)
    word = Word(
        Verdict.DOWN, "alertmanager", "alertmanager", Trust.SECOND, at(0.1), at(0.2), 99, 1.5
    )
    return replace(
        made,
        fencing=replace(made.fencing, devices={"psu-1": device, "psu-2": device}),
        proof=replace(made.proof, devices=made.proof.devices * 2),
        words={
            f"alertmanager/{n:016x}": replace(word, summary="x" * summary) for n in range(words)
        },
    )


def test_a_head_may_be_as_large_as_the_limit_and_no_larger() -> None:
    made = longest(1, 0)
    room = HEAD_MAX - len(dump_head(made))
    assert len(dump_head(longest(1, room))) == HEAD_MAX
    with pytest.raises(ValueError, match=f"incident one has {HEAD_MAX + 1} bytes"):
        dump_head(longest(1, room + 1))


def test_the_head_is_measured_in_bytes() -> None:
    room = HEAD_MAX - len(dump_head(incident()))
    made = replace(incident(), service="é" * (room // 2 + 1))
    with pytest.raises(ValueError, match="bytes"):
        dump_head(made)


def test_the_largest_that_the_core_lets_an_incident_become_fits_in() -> None:
    made = longest(WORDS_MAX, 0)
    words = {name: replace(word, summary="é" * SUMMARY_MAX) for name, word in made.words.items()}
    # Both quote an operator's reason, which the API keeps to 500 characters.
    held = Held("maintenance", "é" * 700, "é" * 200)
    stuck = tuple(Stuck(10**17 + n, f"{n:0255}") for n in range(IDS_MAX))
    ids = tuple(one.migration for one in stuck)
    release = replace(made.release, open=ids, bound=tuple(one.to for one in stuck), accepted=stuck)
    named = ("é" * WORDS_OF_TRANSIT_MAX,) * NAMED_MAX
    left = Left(at(1), listed=True, servers=("é" * 36,) * NAMED_MAX, transits=named)
    leaving = Retirement("é" * 100, "é" * 500, at(0), at(1), error="é" * ERROR_MAX, left=left)
    rounds = replace(made.rounds, barred=held)
    worst = replace(made, words=words, held=held, rounds=rounds, release=release)
    worst = replace(worst, retirement=leaving)
    assert len(dump_head(worst).encode()) <= HEAD_MAX / 1.4
    begun = (
        Intent(10**5 + n, Act.EVACUATE.value, f"server {n:036}, attempt 10") for n in range(256)
    )
    worst = replace(worst, journal=Journal(10**6, tuple(begun)))  # as `posts_per_host` lets it be
    assert len(dump_head(worst).encode()) <= HEAD_MAX
