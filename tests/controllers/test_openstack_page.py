"""The page on OpenStack, held against the program and the tests: every call has its row there.

Which calls the founding documents have is written down once, here. A test that the page names has
to exist; and a request that the program makes has to be in the page's table of calls.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.test_docs import PAGES, rows, section

PAGE = Path("docs/openstack.md")
WANTED = "## What was asked for"
FOUNDING = {
    "Nova os-services": (
        "GET /os-services (host, binary)",
        "PUT /os-services/{service_id} (2.53: status, disabled_reason, forced_down)",
        "PUT disable-log-reason",
        "PUT disable ",
        "PUT enable",
        "PUT force-down",
        "DELETE /os-services/{service_id}",
    ),
    "Cinder os-services": (
        "GET (host, binary)",
        "PUT disable, disable-log-reason, enable",
        "PUT get-log, set-log",
        "PUT freeze, thaw",
        "PUT failover_host",
    ),
    "Nova servers": (
        "list detailed",
        "list",
        "sort, status and other filters of lists",
        "show",
        "create, delete",
        "update",
        "POST /servers/{id}/action: evacuate",
        "host_status in show and detail",
    ),
    "Doctor: mark host down": ("force-down once the host is fenced", "the same with false"),
    "Doctor: valid server state": ("UP, UNKNOWN, DOWN, MAINTENANCE", "changes, MAINTENANCE too"),
}
"""The calls and behaviours of the five documents, by the document: how their rows begin."""


def table() -> list[tuple[str, list[str]]]:
    """Return each row of what was asked for, with the document that it is of."""
    found, of = [], ""
    for name, *cells in rows(section(PAGE, WANTED)):
        of = name or of
        found.append((of, cells))
    return found


def every_test() -> set[str]:
    """Name every test there is."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_"
    }


@pytest.mark.parametrize("document", FOUNDING)
def test_every_call_of_the_founding_documents_has_its_row(document: str) -> None:
    calls = [f"{cells[0]} " for of, cells in table() if of == document]
    assert len(calls) == len(FOUNDING[document])
    for call, begins in zip(calls, FOUNDING[document], strict=True):
        assert call.startswith(begins)


def test_every_call_says_what_it_is_for_or_why_it_is_not_used() -> None:
    for _, (call, today, shown_by) in table():
        assert re.match(r"works?\b|not yet|not used: \w+ \w+|[\w-]+ \w+", today), call
        used = not today.startswith(("not yet", "not used"))
        assert bool(re.findall(r"test_\w+", shown_by)) or not used, f"{call}: nothing shows it"


def test_update_is_not_used_and_says_why() -> None:
    (update,) = (cells for _, cells in table() if cells[0] == "update")
    assert update[1].startswith("not used: what it changes of a server")


def test_every_test_that_a_page_names_exists() -> None:
    there = every_test()
    named = set(re.findall(r"`(test_\w+)`", PAGES[PAGE]))
    assert len(named) > 30
    files = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert named - there - files == set()


REQUEST = re.compile(r"(GET|PUT|POST|DELETE) .*?(os-[a-z-]+|servers|auth/tokens|/v3/|root)")


def test_every_request_that_the_program_makes_is_in_the_table_of_calls() -> None:
    told = {
        re.sub(r"[^a-z-]", "", found)
        for row in rows(section(PAGE, "## Calls")) + rows(section(PAGE, "## Cinder"))
        for _, found in REQUEST.findall(row[0])
    }
    made = {
        found
        for path in (ROOT / "doctor_daemon" / "controllers").glob("*.py")
        for found in re.findall(r'"(os-[a-z-]+|servers)\b', path.read_text())
    }
    assert made
    assert made <= told
