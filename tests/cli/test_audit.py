"""`doctor-daemon audit`: what can be typed, what is printed, and what is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from doctor_daemon.cli import audit, audit_words
from doctor_daemon.cli.arguments import SOCKET, parse
from doctor_daemon.cli.client import Unanswered
from doctor_daemon.core.audit import Link, Part
from doctor_daemon.ports import Change
from tests.api.desk import Desk, desk
from tests.cli.terminal import Done, typed
from tests.engine.rig import Rig
from tests.stores.values import audit_line

HASH = "0123456789abcdef" * 4


async def ask(at: Desk, *words: str) -> Done:
    return await typed("audit", "--socket", str(at.path), *words)


async def say(rig: Rig, at: Desk, count: int) -> None:
    """Have so many effects on record, the last of them without a result."""
    for number in range(1, count + 1):
        lines = [audit_line(number)]
        if number < count:
            lines.append(audit_line(number, part=Part.RESULT))
        await rig.disk.commit(Change(audit=tuple(lines)), term=at.engine.ward.term)


# what can be typed


def test_what_may_be_typed() -> None:
    options = parse(["audit", "list"])
    assert (options.verb, options.first, options.limit) == ("list", None, 50)
    assert (options.json, options.socket) == (False, SOCKET)
    options = parse(["audit", "--json", "--socket", "s", "list", "--from", "7", "--limit", "3"])
    assert (options.first, options.limit, options.json, str(options.socket)) == (7, 3, True, "s")
    options = parse(["audit", "verify", "--last", f"12:{HASH}", "--file", "f", "--json"])
    assert (options.last, str(options.file), options.json) == (Link(12, HASH), "f", True)
    assert parse(["audit", "show", "7"]).number == 7
    assert parse(["audit", "export"]).verb == "export"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "the following arguments are required: VERB"),
        (["show"], "the following arguments are required: NUMBER"),
        (["show", "0"], "found '0'; expected a number from 1 up"),
        (["list", "--from", "x"], "found 'x'; expected a number from 1 up"),
        (["list", "--limit", "1" * 16], "expected a number from 1 up"),
        (["verify", "--last", "7"], "found '7'; expected a line's number and hash"),
        (["verify", "--last", f"7:{HASH}0"], "expected a line's number and hash"),
        (["prune"], "invalid choice: 'prune'"),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["audit", *words])
    assert why in " ".join(capsys.readouterr().err.split())


# by a daemon


async def test_i17_a_chain_that_is_whole_is_found_so() -> None:
    rig = Rig()
    async with desk(rig) as at:
        done = await ask(at, "verify")
        assert (done.status, done.out) == (
            0,
            f"whole, and no line is kept; the last one was 0:{'0' * 64}\n",
        )
        await say(rig, at, 3)
        last = (await rig.disk.audit(0, 0)).last
        done = await ask(at, "verify")
        assert (done.status, done.err) == (0, "")
        assert done.out.splitlines() == [
            "whole: lines 1 to 5",
            f"  last          5:{last.hash}",
            "  not known     line 5, one/3: it has no result (yet)",
        ]
        done = await ask(at, "verify", "--json", "--last", f"5:{last.hash}")
        assert (done.status, done.json) == (
            0,
            {
                "whole": True,
                "first": 1,
                "last": {"number": 5, "hash": last.hash},
                "unknown": [{"number": 5, "id": "one/3"}],
            },
        )


async def test_i17_a_line_that_was_noted_must_be_there() -> None:
    rig = Rig()
    async with desk(rig) as at:
        await say(rig, at, 2)
        rows = (await rig.disk.audit(0, 9)).rows
        assert (await ask(at, "verify", "--last", f"2:{rows[1].hash}")).status == 0
        done = await ask(at, "verify", "--last", f"2:{HASH}")
        assert (done.status, done.out) == (
            1,
            "BROKEN at line 2: it is another one than was noted\n",
        )
        done = await ask(at, "verify", "--last", f"4:{HASH}")
        assert (done.status, done.out) == (1, "BROKEN at line 4: it is missing, and was noted\n")


async def test_lines_are_listed_and_shown() -> None:
    rig = Rig()
    async with desk(rig) as at:
        done = await ask(at, "list")
        assert (done.status, done.out) == (0, "no lines\n")
        await say(rig, at, 3)
        lines = (await ask(at, "list")).out.splitlines()
        assert len(lines) == 5
        assert lines[0] == (
            "      1  2027-01-15 08:00:00Z  intent  cmp-1  cut bmc, level 1, try 1  accepted  204"
        )
        last = (await ask(at, "list", "--limit", "2")).out.splitlines()
        assert [line.split()[0] for line in last] == ["4", "5"]
        found = (await ask(at, "list", "--from", "2", "--limit", "2", "--json")).json
        assert [line["number"] for line in found["lines"]] == [2, 3]
        shown = (await ask(at, "show", "2")).out
        for text in ("line 2, ", "part          result", "cause         déjà vu", "armed: open"):
            assert text in shown, shown
        assert (await ask(at, "show", "2", "--json")).json == found["lines"][0]
        done = await ask(at, "show", "6")
        assert (done.status, done.out) == (1, "")
        assert done.err == "doctor-daemon: there is no line 6; kept are 1 to 5\n"


async def test_i17_what_is_exported_is_verified_without_a_daemon(tmp_path: Path) -> None:
    rig, file = Rig(), tmp_path / "audit.jsonl"
    async with desk(rig) as at:
        await say(rig, at, 3)
        done = await ask(at, "export")
        assert done.status == 0
        file.write_text(done.out, encoding="utf-8")
        online = (await ask(at, "verify", "--json")).json
    assert len(done.out.splitlines()) == 6
    done = await typed("audit", "verify", "--file", str(file), "--json")
    assert (done.status, done.json) == (0, online)


# by a file


def link(number: int, text: str = "0") -> dict[str, Any]:
    return {"number": number, "hash": text * 64}


@pytest.fixture
async def lines(tmp_path: Path) -> list[dict[str, Any]]:
    """Return an export, line by line."""
    rig = Rig()
    async with desk(rig) as at:
        await say(rig, at, 3)
        done = await ask(at, "export")
    return [json.loads(line) for line in done.out.splitlines()]


Lines = list[dict[str, Any]]


def verified(tmp_path: Path, lines: Sequence[object], *words: str) -> Any:  # noqa: ANN401 - JSON
    file = tmp_path / "audit.jsonl"
    text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines)
    file.write_text(text, encoding="utf-8")
    return audit.asked(parse(["audit", "verify", "--file", str(file), *words]))


def changed(lines: Lines, number: int, **fields: object) -> Lines:
    record = {**lines[number]["record"], **fields}
    return [*lines[:number], {**lines[number], "record": record}, *lines[number + 1 :]]


@pytest.mark.parametrize(
    ("tampered", "why"),
    [
        (lambda lines: changed(lines, 3, outcome="refused"), "line 3: it was changed"),
        (lambda lines: changed(lines, 5, at={}), "line 5: it was changed"),
        (lambda lines: [*lines[:3], *lines[4:]], "line 3: it is missing; the next one"),
        (lambda lines: lines[:-1], "line 5: it is missing, and all up to 5"),
        (lambda lines: lines[:1], "line 1: it is missing, and all up to 5"),
        (lambda lines: [lines[0], *lines[2:]], "line 1: it is missing; the next one"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 2: it is missing"),
        (lambda lines: [*lines, lines[-1]], "line 6: it is missing; the next one that is there"),
        (lambda lines: [*lines[:4], "garbage", *lines[5:]], "line 4: it is no line of an audit"),
        (lambda lines: [*lines[:4], "[]", *lines[5:]], "line 4: it is no line of an audit, not"),
        (lambda lines: [{**lines[0], "anchor": link(0, "1")}, *lines[1:]], "line 1: it was"),
        (lambda lines: [{**lines[0], "last": link(5)}, *lines[1:]], "line 5: it is not the last"),
    ],
)
def test_i17_whatever_was_done_to_a_file_is_found(
    tmp_path: Path, lines: Lines, tampered: Callable[[Lines], Sequence[object]], why: str
) -> None:
    found = verified(tmp_path, tampered(lines))
    assert audit.status(found) == 1
    assert found["why"].startswith(why.removesuffix(", not"))
    assert found["number"] == int(why.split()[1].rstrip(":"))
    assert list(audit_words.words(found)) == [f"BROKEN at {found['why']}"]


@pytest.mark.parametrize("name", ["part", "number", "hash", "record"])
def test_i17_a_name_that_stands_twice_is_found(tmp_path: Path, lines: Lines, name: str) -> None:
    text = json.dumps(lines[1])
    text = text.replace(f'"{name}":', f'"{name}": "another", "{name}":', 1)
    assert json.loads(text) == lines[1]
    found = verified(tmp_path, [lines[0], text, *lines[2:]])
    assert found["why"] == "line 1: it is no line of an audit"


@pytest.mark.parametrize("more", [{"by": "ann"}, {"number": True}])
def test_i17_a_line_has_its_number_hash_and_record_alone(
    tmp_path: Path, lines: Lines, more: dict[str, object]
) -> None:
    found = verified(tmp_path, [lines[0], {**lines[1], **more}, *lines[2:]])
    assert found["why"] == "line 1: it is no line of an audit"


def test_a_record_that_no_chain_can_have_is_no_line(tmp_path: Path, lines: Lines) -> None:
    text = json.dumps({**lines[1], "record": {"id": float("nan")}})
    found = verified(tmp_path, [lines[0], text, *lines[2:]])
    assert found["why"] == "line 1: it is no line of an audit"


def test_what_was_dropped_for_its_age_is_the_beginning(tmp_path: Path, lines: Lines) -> None:
    head = {**lines[0], "anchor": link_of(lines[2])}
    assert verified(tmp_path, [head, *lines[3:]])["first"] == 3
    noted = f"2:{lines[2]['hash']}"
    assert verified(tmp_path, [head, *lines[3:]], "--last", noted)["whole"]
    found = verified(tmp_path, [head, *lines[3:]], "--last", f"2:{HASH}")
    assert found["why"] == "line 2: it is another one than was noted"
    with pytest.raises(Unanswered, match="line 1 was dropped for its age"):
        verified(tmp_path, [head, *lines[3:]], "--last", f"1:{lines[1]['hash']}")


def link_of(line: dict[str, Any]) -> dict[str, Any]:
    return {"number": line["number"], "hash": line["hash"]}


@pytest.mark.parametrize("head", ["", "{}", '{"format": "another"}', '{"format": 7}', "\x00"])
def test_what_is_no_export_is_said(tmp_path: Path, head: str) -> None:
    with pytest.raises(Unanswered, match="is no export of the audit that this version knows"):
        verified(tmp_path, [head])


@pytest.mark.parametrize("ends", [{}, {"anchor": 7, "last": 8}, {"anchor": {"number": "x"}}])
def test_an_export_without_ends_is_said(tmp_path: Path, ends: dict[str, object]) -> None:
    with pytest.raises(Unanswered, match="no ends of a chain"):
        verified(tmp_path, [{"format": audit.FORMAT, **ends}])


async def test_i17_a_chain_that_nobody_could_be_asked_for_is_not_called_broken(
    tmp_path: Path,
) -> None:
    done = await typed("audit", "--socket", str(tmp_path / "none"), "verify")
    assert (done.status, done.out) == (2, "")
    assert (await typed("audit", "--socket", str(tmp_path / "none"), "list")).status == 1


async def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    done = await typed("audit", "verify", "--file", str(tmp_path / "none"))
    assert (done.status, done.out) == (2, "")
    assert "cannot be read: [Errno 2] No such file" in done.err
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(Unanswered, match="cannot be read: 'utf-8'"):
        audit.asked(parse(["audit", "verify", "--file", str(file)]))
