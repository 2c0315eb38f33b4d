"""The documentation, held against the program: what a page says can be done is done here.

Commands are parsed by the real parser, and tables that repeat what the code says are compared with
it. The sessions that are shown are had again in `test_sessions.py`.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from doctor_daemon.cli.arguments import parse, parser
from doctor_daemon.config import load
from doctor_daemon.core.gates import GATES, Act
from doctor_daemon.core.messages import Order
from doctor_daemon.core.orders import refusal
from doctor_daemon.core.phases import Phase
from doctor_daemon.core.topology import NAMES
from doctor_daemon.metrics import Metrics
from tests.core.make import context, incident, ordered
from tests.house.source import ROOT, modules, texts

README, OPERATING, INDEX = Path("README.md"), Path("docs/operating.md"), Path("docs/README.md")
RULES = Path("deploy/prometheus/doctor-daemon.rules.yml")
PAGES = {path: text for path, text in texts().items() if path.suffix == ".md"}
BARE = {path: re.sub(r"(?ms)^```.*?^```$", "", text) for path, text in PAGES.items()}
"""The pages without what is quoted in blocks."""
MAKE = shutil.which("make") or "make"
RUN_HERE = {"help", "sim"}
"""Targets that the tests below make."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a page, and what the page says it prints."""

    page: Path
    words: tuple[str, ...]
    shown: tuple[str, ...]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[Command]:
    """What is typed after a prompt, with the lines that follow it."""
    for session in blocks(page, "console"):
        for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
            typed, *shown = part.rstrip().splitlines()
            yield Command(page, tuple(shlex.split(typed)), tuple(shown))


def of(page: Path, program: str) -> list[Command]:
    return [command for command in commands(page) if Path(command.words[0]).name == program]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, down to the next of the same rank or a higher one."""
    end = rf"(?=^#{{1,{len(heading.partition(' ')[0])}}} |\Z)"
    found = re.search(rf"^{re.escape(heading)}\n(.*?){end}", BARE[page], re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the first table, without its head, and each cell without links and quotes."""
    table = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert table
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", table[0]).replace("`", "")
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[2:]]


# commands


def test_every_command_of_the_readme_is_run() -> None:
    ci = (ROOT / ".ci" / "run").read_text()
    made = {*tomllib.loads((ROOT / "tests" / "minimums.toml").read_text()), *RUN_HERE}
    made |= set(re.findall(r"^make ([a-z-]+)", ci, re.MULTILINE))
    for command in commands(README):
        program, first = Path(command.words[0]).name, command.words[1]
        runs = {"make": first in made, "doctor-daemon": True, "python3": first == "-m", "pip": True}
        assert runs.get(program), f"README.md: nothing runs {shlex.join(command.words)!r}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_line_is_accepted(page: Path) -> None:
    for command in of(page, "doctor-daemon"):
        try:
            parse(command.words[1:])
        except SystemExit:
            pytest.fail(f"{page}: {shlex.join(command.words)!r} is refused")


def test_every_command_that_is_mentioned_exists(capsys: pytest.CaptureFixture[str]) -> None:
    mentioned = {
        found
        for path, text in texts().items()
        if path.parts[0] != "tests"
        for found in re.findall(r"`doctor-daemon ([a-z-]+)((?:\s[^`]*)?)`", text)
    }
    assert len(mentioned) > len(Order)
    for name, rest in mentioned:
        with pytest.raises(SystemExit) as ended:
            parse([name, "--help"])
        known = capsys.readouterr().out
        assert ended.value.code == 0, name
        assert [flag for flag in re.findall(r"--[a-z-]+", rest) if flag not in known] == [], name


def test_every_command_that_exists_is_documented() -> None:
    names = re.findall(r"^    ([a-z-]+)(?: |$)", parser().format_help(), re.MULTILINE)
    assert {*Order} - {Order.DECOMMISSION} | {"host"} < {*names}
    for name in names:
        told = rf"(?:doctor-daemon |`){name}\b"
        assert re.search(told, PAGES[OPERATING]) or re.search(told, PAGES[README]), name


def test_every_make_target_that_is_mentioned_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for page, text in PAGES.items():
        for target in re.findall(r"`make ([a-z-]+)", text):
            assert target in targets, page
    assert {command.words[1] for command in of(README, "make")} <= set(targets)


def make(*words: str) -> str:
    """Run make with this very environment in the place of the one that it would make."""
    own = [f"VENV={sys.prefix}", f"BIN={Path(sys.executable).parent}"]
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    done = subprocess.run(
        [MAKE, "--silent", "-o", f"{sys.prefix}/.installed", *own, *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in outer},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return done.stdout


def test_make_help_lists_what_the_readme_uses() -> None:
    said = make("help")
    for command in of(README, "make"):
        assert f"  make {command.words[1]} " in said


def test_make_sim_ends_as_the_readme_says() -> None:
    assert "`seeds=2000 violations=0`" in PAGES[README]
    assert make("sim", "SEEDS=2").splitlines()[-1] == "seeds=2 violations=0"


def test_what_is_installed_is_whole(tmp_path: Path) -> None:
    tree, place = tmp_path / "tree", tmp_path / "opt"
    tree.mkdir()
    for name in ("pyproject.toml", "constraints.txt", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    made = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "doctor_daemon", tree / "doctor_daemon", ignore=made)
    (venv,), (pip,) = of(README, "python3"), of(README, "pip")
    assert venv.words[-1] == str(Path(pip.words[0]).parents[1])
    python(tree, *venv.words[1:-1], "--without-pip", str(place))
    # Without a network: what it depends on is here already.
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
    python(tree, "-m", "pip", *pip.words[1:], *offline, "--prefix", str(place))
    (package,) = place.glob("lib/python3*/site-packages/doctor_daemon")
    there = {path.relative_to(package) for path in package.rglob("*.py")}
    here = ROOT / "doctor_daemon"
    assert there == {path.relative_to(here) for path in here.rglob("*.py")}
    assert (place / "bin" / "doctor-daemon").exists()


def python(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)


# configuration


def test_the_configuration_that_is_shown_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    (shown,) = blocks(README, "yaml")
    assert shown == (ROOT / "config" / "minimal.yaml").read_text()
    named = set(re.findall(r"_file: ([\w.-]+)", shown))
    assert named == {row[0] for row in rows(section(README, "## Run it"))}
    for name in named - {"inventory.yaml"}:
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text("a-secret")
    shutil.copy(ROOT / "config" / "inventory.yaml", tmp_path)
    (tmp_path / "doctor-daemon.yaml").write_text(shown)
    (warning,) = load(tmp_path / "doctor-daemon.yaml").warnings  # of what one BMC can never tell
    assert warning.startswith("hosts with a power device that no other contradicts: cmp-001,")


# links


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def test_every_anchor_is_a_heading() -> None:
    for page, text in BARE.items():
        for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", text):
            there = (ROOT / page.parent / target).resolve() if target else ROOT / page
            headings = re.findall(r"^#+ (.*)$", BARE[there.relative_to(ROOT)], re.MULTILINE)
            assert anchor in map(slug, headings), f"{page}: #{anchor}"


def test_the_index_names_every_page() -> None:
    for page in PAGES:
        if page.parts[0] == "docs" and page != INDEX:
            name = page.relative_to("docs").as_posix()
            assert f"]({name})" in PAGES[INDEX], f"{INDEX} lacks {name}: {PAGES[page][:60]!r}"


# gates, phases, orders


def held_by() -> set[str]:
    """Every gate that the core says an incident is held by."""
    return {
        node.args[0].value
        for module in modules()
        if module.path.is_relative_to("doctor_daemon/core")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Held"
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


def test_every_gate_is_explained_and_says_what_frees_it() -> None:
    explained = re.findall(r"^### `(.*)`$", section(OPERATING, "## Held"), re.MULTILINE)
    assert {"manual", "internal"} < held_by()
    assert set(explained) == {gate.name for gate in GATES} | held_by() | {NAMES}
    for name in explained:
        assert "**Frees it:**" in section(OPERATING, f"### `{name}`"), name
    for text in PAGES.values():
        named = re.findall(r'gates? `([a-z]+)`|doctor_held\{gate="([a-z]+)"', text)
        assert {name for pair in named for name in pair if name} <= set(explained)


def test_which_gate_stops_which_act() -> None:
    told = {True: "yes", False: "no"}
    expected = [[gate.name, *(told[act in gate.stops] for act in Act)] for gate in GATES]
    assert rows(section(OPERATING, "## Held")) == expected


def test_every_phase_is_explained() -> None:
    assert sorted(row[0] for row in rows(section(OPERATING, "## Phases"))) == sorted(Phase)


def test_which_order_is_for_which_phase() -> None:
    found = rows(section(OPERATING, "## Orders"))
    told = {row[0].removeprefix("host ").split()[0]: row[1] for row in found}
    assert set(told) == set(Order)
    for order in Order:
        for phase in Phase:
            no = refusal(incident(phase=phase), ordered(order, until_s=60), context())
            assert (phase in re.findall(r"\w+", told[order])) is not bool(no), (order, phase)


# metrics


def test_every_metric_is_explained_and_every_one_that_is_named_exists() -> None:
    metrics = Metrics()
    found = list(metrics.registry.collect())
    names = [f"{one.name}_total" if one.type == "counter" else one.name for one in found]
    told = {row[0]: row[2] for row in rows(section(OPERATING, "## Metrics"))}
    assert told == {name: one.documentation for name, one in zip(names, found, strict=True)}
    places = {path: text for path, text in texts().items() if path in PAGES or path == RULES}
    for path, text in places.items():
        for name in re.findall(r"\bdoctor_(?!daemon\b)[a-z_]+", text):
            assert re.sub(r"_(sum|count|bucket)$", "", name) in names, f"{path}: {name}"


def test_every_alarm_is_explained() -> None:
    (group,) = (g for g in yaml.safe_load(texts()[RULES])["groups"] if g["name"] == "doctor-daemon")
    told = [row[0] for row in rows(section(OPERATING, "## What to alarm on"))]
    assert told == [rule["alert"] for rule in group["rules"]]
