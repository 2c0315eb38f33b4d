"""The table of harnesses is whole: no module that reads bytes from outside is missing in it."""

from __future__ import annotations

import importlib

import pytest

from tests.fuzz.mutation import mutated
from tests.fuzz.readers import dotted, marks
from tests.fuzz.table import CORPUS, ELSEWHERE, HARNESSES, Harness, find
from tests.house.source import modules, parse

SEEDS_MAX = 400_000
"""Bytes of all seeds: they are examples, and no archive."""
BY_NAME = [pytest.param(harness, id=harness.name) for harness in HARNESSES]


def readers() -> dict[str, list[str]]:
    """The daemon's own, and the programs that are shipped beside it."""
    ours = [one for one in modules() if one.is_product or one.path.parts[0] == "deploy"]
    found = {dotted(one): sorted({*marks(one)}) for one in ours}
    return {name: how for name, how in found.items() if how}


def test_every_module_that_reads_from_outside_has_a_harness_or_a_reason() -> None:
    driven = {module for harness in HARNESSES for module in harness.reads}
    known = driven | ELSEWHERE.keys()
    apart = ("doctor_daemon.lab.", "doctor_daemon.cli.")  # a stand-in, and the operator's own side
    missing = {name: how for name, how in readers().items() if name not in known}
    assert {name: how for name, how in missing.items() if not name.startswith(apart)} == {}


def test_no_module_is_excused_that_has_a_harness_or_reads_nothing() -> None:
    driven = {module for harness in HARNESSES for module in harness.reads}
    assert driven & ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() - readers().keys() == set()


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("json.loads(body)", "json.loads"),
        ("HEAD.unpack_from(data)", "HEAD.unpack_from"),
        ("expat.ParserCreate()", "expat.ParserCreate"),
        ("ET.fromstring(answer)", "ET.fromstring"),
        ("Found(body)", "Found"),
        ("request.query.get('a')", "request.query"),
        ("class A:\n    def datagram_received(self): return", "datagram_received"),
    ],
)
def test_a_reader_is_known_by_what_it_calls(text: str, how: str) -> None:
    assert [*marks(parse("a.py", text))] == [how]


def test_what_only_writes_is_no_reader() -> None:
    assert [*marks(parse("a.py", "json.dumps(read)\nself.headers\nbody.decode()"))] == []


def test_names_are_there_once() -> None:
    assert len({harness.name for harness in HARNESSES}) == len(HARNESSES)
    with pytest.raises(SystemExit, match="there is no harness 'nobody'"):
        find("nobody")


def test_seeds_are_few_and_belong_to_a_harness() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {harness.name for harness in HARNESSES}
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < SEEDS_MAX


@pytest.mark.parametrize("harness", BY_NAME)
def test_every_seed_passes(harness: Harness) -> None:
    place, _, name = harness.target.partition(":")
    target = getattr(importlib.import_module(place), name)
    for module in harness.reads:
        importlib.import_module(module)
    seeds = sorted((CORPUS / harness.name).iterdir())
    assert seeds
    for seed in seeds:
        target(seed.read_bytes())
    target(b"")


def test_half_of_the_changes_to_json_are_json_of_another_shape() -> None:
    def plain(data: bytes, size_max: int) -> bytes:
        return b"bytes"

    made = {mutated(b'{"a": [1, 2], "b": "c"}', 8192, seed, plain) for seed in range(300)}
    assert b"bytes" in made
    assert len(made) > 80
    assert all(len(one) <= 8192 for one in made)
