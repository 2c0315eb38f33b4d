"""The audit's chain: whatever is done to it afterwards is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from doctor_daemon.core.audit import (
    ORIGIN,
    TEXT_MAX,
    Broken,
    Check,
    Line,
    Link,
    Part,
    Row,
    canonical,
    chained,
)
from tests.core.make import at

LINES = tuple(
    Line(f"inc-1/{n}", part, "cut", at(n), 7, "cmp-1", "inc-1", f"bmc, level 1, try {n}")
    for n in range(1, 4)
    for part in (Part.INTENT, Part.RESULT)
)
ROWS = tuple(chained(ORIGIN, LINES))
Rows = Sequence[Row]


def followed(rows: Rows, anchor: Link = ORIGIN, last: Link = ROWS[-1].link) -> Check:
    check = Check(anchor)
    for row in rows:
        check.take(row)
    check.end(last)
    return check


def test_i17_a_chain_is_followed_to_its_end() -> None:
    assert followed(ROWS).at == ROWS[-1].link == Link(6, ROWS[-1].hash)
    assert followed(ROWS[2:], ROWS[1].link).open == {}
    assert followed((), ORIGIN, ORIGIN).at == ORIGIN


def test_i17_the_hash_is_that_of_the_text_that_the_page_says() -> None:
    line = Line("a/1", Part.ORDER, "arm", at(0), 3, by="ännchen")
    (row,) = chained(ORIGIN, (line,))
    assert row.body == (
        '{"at":{"boot":"boot-1","boot_s":10000.0,"wall_s":1800000000.0},'
        '"by":"\\u00e4nnchen","id":"a/1","part":"order","term":3,"what":"arm"}'
    )
    text = f'["{"0" * 64}",1,{row.body}]'
    assert row.hash == hashlib.sha256(text.encode("ascii")).hexdigest()


def test_a_record_says_all_that_applies() -> None:
    line = replace(
        LINES[0],
        cause="the grace is over",
        by="ann",
        evidence=("am said down",),
        gates=("armed: open",),
        proof="power",
        outcome="accepted",
        text="204",
    )
    moment = {"boot": "boot-1", "boot_s": 10001.0, "wall_s": 1800000001.0}
    assert line.record() == {
        "id": "inc-1/1",
        "part": "intent",
        "what": "cut",
        "at": moment,
        "term": 7,
        "host": "cmp-1",
        "incident": "inc-1",
        "target": "bmc, level 1, try 1",
        "cause": "the grace is over",
        "by": "ann",
        "evidence": ["am said down"],
        "gates": ["armed: open"],
        "proof": "power",
        "outcome": "accepted",
        "text": "204",
    }


def told(row: Row, **changes: object) -> Row:
    """Return a row with another record, and its hash as it was."""
    return replace(row, body=canonical({**json.loads(row.body), **changes}))


@pytest.mark.parametrize("field", [*json.loads(ROWS[2].body), "proof"])
def test_i17_a_field_that_was_changed_is_found(field: str) -> None:
    rows = (*ROWS[:2], told(ROWS[2], **{field: "another"}), *ROWS[3:])
    with pytest.raises(Broken, match=r"line 3: it was changed") as found:
        followed(rows)
    assert found.value.number == 3


def without(number: int) -> Rows:
    return ROWS[: number - 1] + ROWS[number:]


def renumbered(rows: Rows) -> Rows:
    return tuple(replace(row, number=n) for n, row in enumerate(rows, 1))


def rewritten() -> Rows:
    """Change a line, and chain anew all from there on."""
    before = ROWS[1].link
    return ROWS[:2] + tuple(chained(before, (replace(LINES[2], text="204"), *LINES[3:])))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: without(1), "line 1: it is missing; the next one that is there is 2"),
        (lambda: without(4), "line 4: it is missing; the next one that is there is 5"),
        (lambda: without(6), "line 6: it is missing, and all up to 6"),
        (lambda: ROWS[:2], "line 3: it is missing, and all up to 6"),
        (lambda: renumbered(without(4)), "line 4: it was changed"),
        (lambda: (*ROWS[:2], ROWS[3], ROWS[2], *ROWS[4:]), "line 3: it is missing"),
        (lambda: renumbered((ROWS[1], ROWS[0], *ROWS[2:])), "line 1: it was changed"),
        (lambda: (*ROWS[:3], *ROWS[2:]), "line 4: it is missing; the next one that is there is 3"),
        (
            lambda: (*ROWS[:3], replace(ROWS[3], hash="0" * 64), *ROWS[4:]),
            "line 4: it was changed, or",
        ),
        (rewritten, "line 6: it is not the last one that was written, 6"),
    ],
)
def test_i17_whatever_was_done_to_the_rows_is_found(made: Callable[[], Rows], why: str) -> None:
    with pytest.raises(Broken, match=why):
        followed(made())


def test_i17_more_than_was_written_is_found() -> None:
    more = Line("inc-1/9", Part.ORDER, "arm", at(9), 7)
    rows = (*ROWS, *chained(ROWS[-1].link, (more,)))
    with pytest.raises(Broken, match="line 7: it is not the last one that was written, 6"):
        followed(rows)


def test_i17_an_anchor_that_is_another_is_found() -> None:
    with pytest.raises(Broken, match="line 3: it was changed, or the one before it"):
        followed(ROWS[2:], Link(2, "0" * 64))


@pytest.mark.parametrize("body", ["", "[]", "7", '{"id": NaN}', '{"id"', "[" * 100_000])
def test_i17_what_is_no_record_is_found(body: str) -> None:
    with pytest.raises(Broken, match="line 1: it is no record"):
        followed((replace(ROWS[0], body=body),))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(json.loads(ROWS[0].body), indent=2),
        ROWS[0].body.replace('"part"', '"part":"order","part"'),
        ROWS[0].body.replace("cmp-1", "cmp\\u002d1"),
    ],
    ids=["blanks", "a name twice", "another spelling"],
)
def test_i17_a_text_that_is_not_exactly_the_record_is_found(body: str) -> None:
    assert json.loads(body) == json.loads(ROWS[0].body)
    with pytest.raises(Broken, match="line 1: it is no record"):
        followed((replace(ROWS[0], body=body), *ROWS[1:]))


def chain_of(*lines: Line) -> Check:
    rows = tuple(chained(ORIGIN, lines))
    return followed(rows, last=rows[-1].link)


def test_i17_an_intent_without_a_result_is_not_known() -> None:
    assert chain_of(*LINES[:3]).open == {"inc-1/2": 3}
    order = Line("arm/1", Part.ORDER, "arm", at(0), 7)
    assert chain_of(order, order).open == {}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((LINES[0], LINES[0]), "line 2: inc-1/1 has two intents"),
        ((LINES[0], LINES[1], LINES[0]), "line 3: inc-1/1 has two intents"),
        ((LINES[0], LINES[1], LINES[1]), "line 3: inc-1/1 has two results"),
    ],
)
def test_i17_an_effect_has_one_record(lines: Sequence[Line], why: str) -> None:
    with pytest.raises(Broken, match=why):
        chain_of(*lines)


def test_i17_a_result_may_be_all_that_is_left_of_a_record() -> None:
    assert chain_of(*LINES[1:]).open == {}


def test_e7_every_text_is_made_safe_and_only_then_cut() -> None:
    """A secret that stands where a text is cut leaves no beginning of it behind."""
    long = "x" * (TEXT_MAX - 3) + "secret" + "y" * TEXT_MAX
    said = replace(
        LINES[0],
        **dict.fromkeys(("target", "cause", "by", "proof", "text"), long),  # type: ignore[arg-type]  # all are texts
        evidence=("a secret", long),
        gates=(long, "204"),
    ).said(lambda text: text.replace("secret", "***"))
    safe = "x" * (TEXT_MAX - 3) + "***"
    assert (said.target, said.cause, said.by, said.proof, said.text) == (safe,) * 5
    assert (said.evidence, said.gates) == (("a ***", safe), (safe, "204"))
    assert (said.key, said.at, said.host) == (LINES[0].key, LINES[0].at, LINES[0].host)
