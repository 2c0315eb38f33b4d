"""A file of a whole state is taken as it was written, or not at all."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from doctor_daemon.core.audit import ORIGIN, Link, Row
from doctor_daemon.core.context import Armed, Charge
from doctor_daemon.core.incident import IncidentId
from doctor_daemon.errors import Permanent
from doctor_daemon.ports import Change
from doctor_daemon.ports.moving import Inventory, LastNumber, Record, Told
from doctor_daemon.ports.replays import Floor
from doctor_daemon.stores.moved_file import check_sum, reading, written
from tests.stores.values import at, evidence, host, notice, rich

INVENTORY = Inventory(
    made_wall_s=1.5,
    term=3,
    moment=at(9),
    incidents=1,
    closed=0,
    notices=2,
    anchor=Link(4, "a" * 64),
    last=Link(6, "b" * 64),
)
RECORDS: Sequence[Record] = (
    rich(),
    Told(1, notice(1)),
    Told(2, notice(2)),
    LastNumber("vnfm", host(), 2),
    Change(armed=Armed(on=True, by="carol", at=at(0), why="tested")),
    Change(evidence=(evidence("k1"),)),
    Row(5, "c" * 64, "{}"),
    Row(6, "b" * 64, "{}"),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return made(tmp_path / "file")


def made(path: Path, inventory: Inventory = INVENTORY, records: Sequence[Record] = RECORDS) -> Path:
    with written(path, inventory) as write:
        for record in records:
            write(record)
    return path


def read(file: Path) -> tuple[Inventory, list[Record]]:
    """Read a file as an import does."""
    check_sum(file)
    with reading(file) as (inventory, records):
        return inventory, list(records)


def sealed(file: Path, lines: Sequence[str]) -> Path:
    """Write lines, and an end that tells of them."""
    text = "".join(f"{line}\n" for line in lines)
    summed = hashlib.sha256(text.encode()).hexdigest()
    file.write_text(f'{text}{{"kind":"end","lines":{len(lines)},"sha256":"{summed}"}}\n')
    return file


def lines(file: Path) -> list[str]:
    """Return all lines but the last."""
    return file.read_text(encoding="utf-8").splitlines()[:-1]


def test_what_was_written_is_read(file: Path) -> None:
    assert read(file) == (INVENTORY, list(RECORDS))
    assert [json.loads(line)["kind"] for line in file.read_text().splitlines()] == [
        *("store", "incident", "notice", "notice", "number", "row", "row", "line", "line", "end")
    ]


def test_it_is_for_whoever_wrote_it_alone(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["file"]


def test_a_file_that_is_there_is_left(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(Permanent, match="there is such a file already"):
        made(file)
    assert file.read_bytes() == before


def test_what_was_not_written_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(Permanent, match="no more"))
        write = stack.enter_context(written(tmp_path / "file", INVENTORY))
        write(rich())
        assert [one.name.startswith(".file.") for one in tmp_path.iterdir()] == [True]
        raise Permanent("no more")
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="No such file or directory"):
        made(tmp_path / "nowhere" / "file")
    with pytest.raises(Permanent, match="No such file or directory"):
        read(tmp_path / "file")


def test_i6_a_file_that_is_cut_short_anywhere_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for size in (*range(0, len(whole), 29), *range(len(whole) - 90, len(whole))):
        file.write_bytes(whole[:size])
        with pytest.raises(Permanent, match=r"no export of a store|cut short"):
            check_sum(file)


def test_i6_a_file_of_which_any_byte_is_another_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for place in range(0, len(whole), 31):
        other = bytearray(whole)
        other[place] ^= 1
        file.write_bytes(other)
        with pytest.raises(Permanent):
            check_sum(file)


def test_what_is_changed_between_two_reads_is_found_too(file: Path) -> None:
    check_sum(file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("name-s1", "name-s9"), encoding="utf-8")
    with (
        reading(file) as (_, records),
        pytest.raises(Permanent, match="its checksum is another"),
    ):
        list(records)


def test_a_line_that_is_gone_is_found_though_the_checksum_fits(file: Path) -> None:
    for gone in (1, 2):
        kept = [line for number, line in enumerate(lines(file)) if number != gone]
        with pytest.raises(Permanent, match="expected 1, 0 and 2"):
            read(sealed(file.with_name("other"), kept))


def test_lines_of_the_audit_come_in_their_order(file: Path) -> None:
    *some, five, six = lines(file)
    for wrong in ((six, five), (five, five)):
        with pytest.raises(Permanent, match="of the audit cannot come after"):
            read(sealed(file.with_name("other"), [*some, *wrong]))


def test_what_stands_behind_the_end_is_refused(file: Path) -> None:
    with file.open("a") as more:
        more.write("\n")
    with pytest.raises(Permanent, match="cut short"):
        check_sum(file)
    with reading(file) as (_, records), pytest.raises(Permanent, match="behind its last line"):
        list(records)


def test_i6_a_file_that_stands_there_twice_is_refused(file: Path) -> None:
    head, *more = file.read_bytes().splitlines(keepends=True)
    for twice in (file.read_bytes() * 2, b"".join((head, more[0], *more))):
        other = file.with_name("other")
        other.write_bytes(twice)
        with pytest.raises(Permanent, match="its checksum is another"):
            check_sum(other)


def test_a_line_that_no_import_takes_is_not_written(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(Permanent, match="bytes, and 2000 are the limit"))
        write = stack.enter_context(written(tmp_path / "file", INVENTORY, 2000))
        write(Told(1, replace(notice(1), body="b" * 2000)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_has_come_meanwhile_is_left(tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(Permanent, match="there is such a file already"))
        write = stack.enter_context(written(tmp_path / "file", INVENTORY))
        write(rich())
        (tmp_path / "file").write_text("another")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["another"]


@pytest.mark.parametrize(
    "change",
    [
        Change(),
        Change(charges=(Charge(IncidentId("i"), 1, "rack", at(1)),) * 2),
        Change(armed=Armed(on=True), floors=(Floor("am", 1),)),
        Change(notices=(notice(1),)),
        Change(head=rich()),
    ],
    ids=["nothing", "two", "two kinds", "notice", "incident"],
)
def test_a_row_of_which_some_would_be_lost_is_refused(tmp_path: Path, change: Change) -> None:
    made(tmp_path / "file", replace(INVENTORY, incidents=0, notices=0), (change,))
    with pytest.raises(Permanent, match=r"line 2: it has rows of .*; expected a single one"):
        read(tmp_path / "file")


def test_i6_a_newer_schema_is_refused_by_its_number(file: Path) -> None:
    head, *more = lines(file)
    newer = head.replace('"schema":1', '"schema":2').replace('"term":3', '"era":3')
    with pytest.raises(Permanent, match="its schema is 2, this version of doctor-daemon knows up"):
        read(sealed(file, [newer, *more]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda line: line.replace('"by":"carol"', '"by":"carol","until":7'), "line 2: .*until"),
        (lambda line: line.replace('"kind":"number"', '"kind":"omen"'), "line 5: .* has 'omen'"),
        (lambda line: line.replace('"place":2', '"place":"2"'), "line 4: .*place: expected int"),
        (lambda line: line.replace('"attempts":0,', ""), None),
        (lambda line: line.replace('"term":3,', ""), "line 1: .*term: expected a value"),
    ],
    ids=["field", "kind", "type", "default", "first"],
)
def test_i6_what_this_version_does_not_know_is_refused_and_named(
    file: Path, change: Callable[[str], str], complaint: str | None
) -> None:
    sealed(file, list(map(change, lines(file))))
    if complaint is None:
        assert read(file) == (INVENTORY, list(RECORDS))
        return
    with pytest.raises(Permanent, match=complaint):
        read(file)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "{}\n", '{"format": "doctor-daemon audit 1"}\n', "state: {type: sqlite}\n"],
)
def test_another_file_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Permanent, match="it is no export of a store"):
        read(file)


def test_what_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0\xff\xfe\n")
    with pytest.raises(Permanent, match="it is no export of a store"):
        read(file)


def test_what_a_database_spells_out_is_spelt_out_here_too(tmp_path: Path) -> None:
    half = "\ud83d"
    told = Told(1, replace(notice(1), body=half, error=half))
    of_none = Inventory(1.5, 1, None, 0, 0, 1, ORIGIN, ORIGIN)
    made(tmp_path / "file", of_none, (told, Change(evidence=(evidence(half, summary=half),))))
    _, (found, row) = read(tmp_path / "file")
    assert isinstance(found, Told)
    assert isinstance(row, Change)
    assert (found.notice.body, found.notice.error) == (r"\ud83d", r"\ud83d")
    assert (row.evidence[0].key, row.evidence[0].summary) == (r"\ud83d", r"\ud83d")


def test_an_incident_is_written_alike_however_it_came_about(tmp_path: Path) -> None:
    one = rich()
    servers, moves = (reversed([*of.items()]) for of in (one.servers, one.evacuations))
    other = replace(one, servers=dict(servers), evacuations=dict(moves))
    alone = Inventory(1.5, 1, None, 1, 0, 0, ORIGIN, ORIGIN)
    files = [made(tmp_path / f"{n}", alone, (of,)) for n, of in enumerate((one, other))]
    assert files[0].read_bytes() == files[1].read_bytes()
