"""What is moved, at its limits: the longest line, a file without an end, an empty fleet."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path

import pytest

from doctor_daemon.core.audit import ORIGIN
from doctor_daemon.core.context import Armed
from doctor_daemon.core.masses import MassState
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change, Snapshot
from doctor_daemon.ports.moving import Inventory, Record
from doctor_daemon.stores.etcd_values import CHANGE
from doctor_daemon.stores.moved_file import check_sum, reading, written
from doctor_daemon.stores.moved_rows import small_records
from tests.stores.values import mass_state, rich

ALONE = Inventory(1.5, 1, None, 1, 0, 0, ORIGIN, ORIGIN)


def saved(path: Path, line_max: int | None = None) -> Path:
    """Write a file of one incident."""
    limits = () if line_max is None else (line_max,)
    with written(path, ALONE, *limits) as write:
        write(rich())
    return path


def test_a_line_of_as_many_bytes_as_are_allowed_is_written(tmp_path: Path) -> None:
    _, longest, _ = saved(tmp_path / "file").read_bytes().splitlines(keepends=True)
    check_sum(saved(tmp_path / "other", len(longest)))
    with pytest.raises(Permanent, match=f"has {len(longest)} bytes, and {len(longest) - 1} are"):
        saved(tmp_path / "third", len(longest) - 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: "".join(text.splitlines(keepends=True)[:-1]),
        lambda text: text.replace('{"kind":"end"', '{"sort":"end"'),
    ],
    ids=["a byte", "a line", "another"],
)
def test_i6_a_file_that_loses_its_end_between_two_reads_is_refused(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    file = saved(tmp_path / "file")
    check_sum(file)
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with ExitStack() as stack:
        _, records = stack.enter_context(reading(file))
        stack.enter_context(pytest.raises(Permanent, match="it is cut short: it has no last line"))
        list(records)


@pytest.mark.parametrize(
    ("masses", "more"), [(MassState(), ()), (mass_state(), (Change(masses=mass_state()),))]
)
def test_a2_what_is_known_of_the_fleet_is_moved_where_there_is_any(
    masses: MassState, more: tuple[Record, ...]
) -> None:
    kept = replace(Snapshot(), masses=masses)
    assert [*small_records(kept, (), ())] == [Change(armed=Armed()), *more]


def test_a_change_may_have_each_of_its_fields() -> None:
    names = [one.name for one in fields(Change) if one.name not in {"head", "audit"}]
    empty = {name: getattr(Change(), name) for name in names}
    assert CHANGE.loads(json.dumps({"value": empty, "boots": []})) == Change()
