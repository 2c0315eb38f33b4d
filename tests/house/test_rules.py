"""Each house rule has a file that breaks it and one that keeps it."""

from collections.abc import Callable, Iterator

import pytest

from tests.house import rules
from tests.house.source import Module, parse

Rule = Callable[[Module], Iterator[str]]

PRODUCT = "doctor_daemon/core/host.py"
FILLING = "    one = 1\n"

BREAKS: list[tuple[Rule, str, str]] = [
    (rules.long_modules, PRODUCT, "one = 1\n" * 301),
    (rules.long_functions, PRODUCT, "def long():\n" + FILLING * 50),
    (rules.long_functions, PRODUCT, "async def long():\n" + FILLING * 50),
    (rules.crowded_functions, PRODUCT, "def crowded(a, b, c, d, /, e, f): pass"),
    (rules.crowded_functions, PRODUCT, "class C:\n def m(self, a, b, c, d, e, f): pass"),
    (rules.vague_names, "doctor_daemon/host_utils.py", ""),
    (rules.vague_names, "doctor_daemon/helpers/host.py", ""),
    (rules.vague_names, PRODUCT, "class HostManager: pass"),
    (rules.vague_names, PRODUCT, "class BaseHost: pass"),
    (rules.vague_names, PRODUCT, "class HTTPHelper: pass"),
    (rules.missing_docstrings, PRODUCT, "one = 1"),
    (rules.missing_docstrings, "doctor_daemon/core/__init__.py", ""),
    (rules.mutable_values, PRODUCT, "@dataclass\nclass Host: pass"),
    (rules.mutable_values, PRODUCT, "@dataclass(frozen=True)\nclass Host: pass"),
    (rules.mocks, "tests/test_host.py", "import unittest.mock"),
    (rules.mocks, "tests/test_host.py", "from unittest import mock"),
    (rules.mocks, "tests/test_host.py", "from unittest.mock import Mock"),
    (rules.mocks, "tests/test_host.py", "def test(monkeypatch):\n monkeypatch.setattr(a, 'b', 1)"),
    (rules.unfinished, PRODUCT, "one = 1  # TOD" + "O"),
    (rules.unfinished, PRODUCT, "raise NotImplemented" + "Error"),
    (rules.unfinished, "tests/test_host.py", "def test():\n pytest.skip('no')"),
    (rules.unfinished, "tests/test_host.py", "@pytest.mark.xfail\ndef test(): pass"),
    (rules.unfinished, "tests/test_host.py", "def test():\n assert True"),
    (rules.stubs, PRODUCT, "def do(): ..."),
    (rules.stubs, PRODUCT, "class Host:\n def do(self):\n  'Words.'\n  ..."),
    (rules.silenced_without_reason, PRODUCT, "import os  # noqa"),
    (rules.silenced_without_reason, PRODUCT, "import os  # noqa: F401"),
    (rules.silenced_without_reason, PRODUCT, "one = 1  # type: ignore[misc]"),
]

KEEPS: list[tuple[Rule, str, str]] = [
    (rules.long_modules, PRODUCT, "one = 1\n" * 300),
    (rules.long_functions, PRODUCT, "@decorated\ndef short():\n" + FILLING * 49),
    (rules.crowded_functions, PRODUCT, "class C:\n def m(self, a, b, c, d, e, *, f): pass"),
    (rules.vague_names, "doctor_daemon/database.py", "class Database(Base): pass"),
    (rules.missing_docstrings, PRODUCT, "'''Words.'''"),
    (rules.mutable_values, PRODUCT, "@dataclass(frozen=True, slots=True)\nclass Host: pass"),
    (rules.mutable_values, "doctor_daemon/engine/case.py", "@dataclass\nclass Case: pass"),
    (
        rules.mocks,
        "tests/test_host.py",
        "from tests.fakes import mock\nmonkeypatch.setenv('a', 'b')",
    ),
    (rules.unfinished, "tests/test_host.py", "text = 'pytest.skip'\nassert text"),
    (rules.stubs, PRODUCT, "class Host(Protocol):\n def do(self) -> None: ..."),
    (rules.stubs, PRODUCT, "@overload\ndef do(a: int) -> int: ..."),
    (rules.silenced_without_reason, PRODUCT, "import os  # noqa: F401 - it registers itself"),
    (rules.silenced_without_reason, PRODUCT, "a = b  # type: ignore[misc]  # its stubs are wrong"),
]


def named(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("rule", "path", "text"), BREAKS, ids=named)
def test_what_breaks_the_rule_is_found(rule: Rule, path: str, text: str) -> None:
    assert len(list(rule(parse(path, text)))) == 1


@pytest.mark.parametrize(("rule", "path", "text"), KEEPS, ids=named)
def test_what_keeps_the_rule_is_left_alone(rule: Rule, path: str, text: str) -> None:
    assert list(rule(parse(path, text))) == []


def uses(text: str) -> int:
    return len(list(rules.uses([parse(PRODUCT, text)], "aiohttp")))


@pytest.mark.parametrize(
    "text",
    [
        "import aiohttp\naiohttp.ClientSession",
        "import aiohttp.web\naiohttp.web",
        "import aiohttp as a\na.ClientSession",
        "from aiohttp import web\nweb.get",
        "from aiohttp import ClientSession\nClientSession()",
        "from aiohttp.web import get\n@get('/')\ndef root() -> None: pass",
    ],
)
def test_a_library_that_is_used(text: str) -> None:
    assert uses(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import aiohttp",
        "from aiohttp import web",
        "import aiohttp\nsession: aiohttp.ClientSession",
        "from aiohttp import web\ndef root(request: web.Request) -> web.Response: pass",
        "import aiohttp\naiohttp = other\nother.get",
        "aiohttp.ClientSession",
    ],
)
def test_a_library_that_is_only_named(text: str) -> None:
    assert uses(text) == 0
