"""The page on the architecture says what the code says."""

import dataclasses
import re
from pathlib import Path

import pytest

from doctor_daemon.core.gates import GATES
from doctor_daemon.core.phases import SUCCESSORS, Phase
from doctor_daemon.core.policy import Policy
from tools import diagram

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / diagram.PAGE).read_text("utf-8")


def test_the_generated_parts_are_in_step_with_the_code() -> None:
    assert diagram.renewed(PAGE) == PAGE, "`make docs` writes the page anew"


def test_every_step_of_the_diagram_is_drawn_and_no_other() -> None:
    drawn = re.findall(r"^    (\w+) --> (\w+)$", diagram.phases(), re.MULTILINE)
    steps = [(one.name, two.name) for one, after in SUCCESSORS.items() for two in after]
    assert sorted(drawn) == sorted(steps)


def test_the_diagram_begins_and_ends() -> None:
    lines = diagram.phases().splitlines()
    assert "    [*] --> SUSPECTED" in lines
    assert {line.split()[0] for line in lines if line.endswith("--> [*]")} == {
        phase.name for phase in Phase if phase.final
    }


def test_every_step_has_its_reason_on_the_page() -> None:
    explained = re.findall(r"^\| ([A-Z_]+) → ([A-Z_]+) \| \S", PAGE, re.MULTILINE)
    steps = [(one.name, two.name) for one, after in SUCCESSORS.items() for two in after]
    assert sorted(explained) == sorted(steps)


def test_every_gate_and_every_number_has_a_row() -> None:
    gates = [line.split(" | ")[0].strip("| ") for line in diagram.gates().splitlines()[2:]]
    assert gates == [gate.name for gate in GATES]
    numbers = re.findall(r"^\| `(\w+)` \| [\w.]+ \| \S", diagram.numbers(), re.MULTILINE)
    assert numbers == [field.name for field in dataclasses.fields(Policy)]


@pytest.mark.parametrize("name", diagram.PARTS)
def test_a_part_that_is_old_is_written_anew_and_all_else_left_alone(name: str) -> None:
    part = diagram.PARTS[name]()
    assert PAGE.count(part) == 1
    assert diagram.renewed(PAGE.replace(part, "old")) == PAGE
    assert diagram.renewed(PAGE.replace(part + "\n", "")) == PAGE


@pytest.mark.parametrize("page", ["", PAGE + PAGE, PAGE.replace(diagram.END, "")])
def test_a_page_without_its_parts_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="expected one part between"):
        diagram.renewed(page)


def test_the_words_below_a_field_are_found() -> None:
    meanings = diagram.described(Policy)
    assert meanings["looks_max"] == "Failed looks at the host in a row before a human is asked."
