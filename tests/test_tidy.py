"""The house rules, held against every file of the project.

The rules themselves are in `tests/house/rules.py`, each tested there with a file that breaks it.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.house import rules
from tests.house.minimums import FILE, read_minimums
from tests.house.source import ROOT, Module, modules, texts

Rule = Callable[[Module], Iterator[str]]

LIBRARIES = ("aiohttp", "prometheus_client", "structlog", "tenacity")
FUNCTIONS_MIN = 100
"""Below this many functions a percentile of the product says nothing."""

ELSEWHERE = re.compile(r"/(w[o]rk|f[a]rm|r[o]ot)/|\.\./share[d]|\b[Ss]ubagen[t]|\bCE[O]\b")
"""Places and people of one workshop, spelt so that this file does not name them.

The project speaks of itself alone.
"""

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
LOCK_NAMES = re.compile(r"(constraints|requirements).*\.txt")
ADR_LINES_MAX = 80


def tidy(complaints: Iterable[str]) -> None:
    """Fail with every complaint on a line of its own."""
    if found := "\n".join(complaints):
        pytest.fail(found, pytrace=False)


def broken_links(path: Path, text: str) -> Iterator[str]:
    for found in LINK.finditer(text):
        target = found["target"].partition("#")[0]
        local = target and not re.match(r"[a-z]+:", target)
        if local and not (ROOT / path.parent / target).exists():
            yield f"{path}: links to {target}, which is not there"


@pytest.mark.parametrize(
    "rule",
    [
        rules.long_modules,
        rules.long_functions,
        rules.crowded_functions,
        rules.vague_names,
        rules.missing_docstrings,
        rules.mutable_values,
        rules.mocks,
        rules.unfinished,
        rules.stubs,
        rules.silenced_without_reason,
    ],
    ids=lambda rule: rule.__name__,
)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    tidy(complaint for module in modules() for complaint in rule(module))


def test_nine_in_ten_functions_of_the_product_are_short() -> None:
    found = [f for module in modules() if module.is_product for f in module.functions()]
    lengths = sorted(rules.lines_of(function) for function in found)
    assert len(lengths) >= FUNCTIONS_MIN
    assert lengths[len(lengths) * 9 // 10] <= rules.FUNCTION_LINES_P90_MAX


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_product_uses_its_libraries(library: str) -> None:
    product = [module for module in modules() if module.is_product]
    assert list(rules.uses(product, library)) != []


def test_the_tests_use_pytest_asyncio() -> None:
    functions = (f for module in modules() if not module.is_product for f in module.functions())
    waiting = [f.name for f in functions if isinstance(f, ast.AsyncFunctionDef)]
    assert [name for name in waiting if name.startswith("test_")] != []


def test_the_project_speaks_of_itself_alone() -> None:
    assert ELSEWHERE.search(Path("/", "root", "file").as_posix())
    tidy(
        f"{path}:{number}: {line.strip()}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if ELSEWHERE.search(line)
    )


def test_pins_name_versions_and_no_place() -> None:
    pins = {path: text for path, text in texts().items() if LOCK_NAMES.fullmatch(path.name)}
    assert Path("constraints.txt") in pins
    for path, text in pins.items():
        assert re.findall(r"^.*(?:://|^--|@ ).*$", text, re.MULTILINE) == [], path


def test_every_link_in_the_documentation_leads_somewhere() -> None:
    pages = {path: text for path, text in texts().items() if path.suffix == ".md"}
    assert list(broken_links(Path("docs/page.md"), "[a](nowhere.md#part), [b](https://a.example)"))
    tidy(broken for page in pages.items() for broken in broken_links(*page))


def test_every_decision_is_one_page_with_its_three_parts() -> None:
    records = {path: text for path, text in texts().items() if path.parent == Path("docs/adr")}
    numbers = sorted(int(path.name[:4]) for path in records)
    assert numbers == list(range(1, len(numbers) + 1))
    for path, text in records.items():
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path
        assert len(text.splitlines()) <= ADR_LINES_MAX, path


def test_every_suite_has_a_minimum() -> None:
    tests = [p for p in texts() if p.parts[0] == "tests" and p.match("test_*.py")]
    folders = {Path(*path.parts[:2]).as_posix() for path in tests}
    named = set(read_minimums(ROOT / FILE))
    assert folders <= named
    assert named - folders <= {path.as_posix() for path in tests}


def test_every_target_of_the_minimums_is_in_the_makefile() -> None:
    targets = tomllib.loads((ROOT / FILE).read_text(encoding="utf-8"))
    made = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(targets) <= set(made)


def test_the_readme_says_which_packages_make_test_installs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (peers,) = re.findall(r"^PEERS := (.*)$", makefile, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"^- `make test` installs Debian's ([^(]*)", readme, re.MULTILINE)
    assert set(re.findall(r"[a-z][a-z0-9-]+", told)) - {"and"} == set(peers.split())


def test_every_refused_check_says_why() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    refused = re.findall(r'^ {4}"[A-Z]+\d+",.*$', project, re.MULTILINE)
    assert refused
    tidy(line for line in refused if not re.search(r"# \w+", line))
