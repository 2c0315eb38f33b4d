"""`doctor-daemon notices`: what can be typed, what is printed, and what comes of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from doctor_daemon.cli import show
from doctor_daemon.cli.arguments import SOCKET, parse
from tests.api.desk import Desk, desk
from tests.api.letters import bury
from tests.cli.terminal import Done, typed
from tests.engine.rig import Rig

BAD = "error: notices replay: expected ids, or --consumer NAME and --all-dead"
MIXED = "error: notices replay: --dead, --pending and --limit are for the list"
WHY = ("--why", "mended")
ROW = {
    "id": "msg_1",
    "consumer": "vnfm",
    "kind": "suspected",
    "host": "cmp-1",
    "incident": "cafe",
    "sequence": 3,
    "state": "dead",
    "late": False,
    "attempts": 1,
    "error": "410 Gone",
    "age_s": 3700.0,
}


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        parse(["notices", *words])
    return " ".join(capsys.readouterr().err.split())


async def ask(at: Desk, *words: str) -> Done:
    return await typed("notices", "--socket", str(at.path), *words)


# What can be typed


def test_what_may_be_chosen_from_the_list() -> None:
    options = parse(["notices"])
    assert (options.verb, options.state, options.consumer, options.limit) == (None,) * 4
    options = parse(["notices", "--dead", "--consumer", " vnfm ", "--limit", "7"])
    assert (options.state, options.consumer, options.limit) == ("dead", "vnfm", 7)
    assert parse(["notices", "--pending"]).state == "pending"


def test_options_count_before_and_after_the_verb() -> None:
    for words in (
        ["--json", "--socket", "s", "replay", "a", "b", *WHY],
        ["replay", "--json", "--socket", "s", "a", "b", *WHY],
    ):
        options = parse(["notices", *words])
        assert (options.verb, options.ids, options.why) == ("replay", ["a", "b"], "mended")
        assert (options.json, str(options.socket), options.consumer) == (True, "s", None)
    for words in (
        ["--consumer", "vnfm", "replay", "--all-dead", *WHY],
        ["replay", "--consumer", "vnfm", "--all-dead", *WHY],
    ):
        options = parse(["notices", *words])
        assert (options.ids, options.consumer, options.all_dead) == ([], "vnfm", True)
        assert (options.json, options.socket) == (False, SOCKET)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["replay", "a"], "error: the following arguments are required: --why"),
        (["replay", *WHY], BAD),
        (["replay", "--consumer", "vnfm", *WHY], BAD),
        (["replay", "--all-dead", *WHY], BAD),
        (["replay", "a", "--consumer", "vnfm", *WHY], BAD),
        (["replay", "a", "--consumer", "vnfm", "--all-dead", *WHY], BAD),
        (["--dead", "replay", "a", *WHY], MIXED),
        (["--limit", "3", "replay", "a", *WHY], MIXED),
        (["--dead", "--pending"], "not allowed with argument --dead"),
        (["--consumer", " "], "found nothing; expected the name of a consumer"),
        (["bury", "a"], "invalid choice: 'bury'"),
        (["replay", "a", "--all", *WHY], "unrecognized arguments: --all"),
    ],
)
def test_what_is_half_or_too_much_is_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in refused(words, capsys)


def test_the_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["notices", "replay", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert told.startswith("usage: doctor-daemon notices replay ")
    assert "They come after those that their host has had since." in told


# What is printed


def test_a_list_stands_in_columns_and_says_what_can_be_done() -> None:
    rows = [
        ROW,
        ROW | {"id": "msg_22", "late": True, "attempts": 12, "age_s": None, "error": ""},
        ROW | {"consumer": "ops", "state": "delivered", "age_s": 0.0, "error": ""},
    ]
    assert list(show.notices({"notices": rows})) == [
        "  msg_1   vnfm  suspected  cmp-1  1 h 2 min old   dead        1 try     410 Gone",
        "  msg_22  vnfm  suspected  cmp-1  of unknown age  dead, late  12 tries",
        "  msg_1   ops   suspected  cmp-1  0 min old       delivered   1 try",
        "what is dead is told once more by `doctor-daemon notices replay`",
    ]
    assert len(list(show.notices({"notices": rows[2:]}))) == 1
    assert list(show.notices({"notices": []})) == ["no notices"]


@pytest.mark.parametrize("left", [0, 3])
def test_a_replay_says_what_it_means(left: int) -> None:
    row: dict[str, Any] = ROW | {"state": "pending", "late": True, "attempts": 0, "error": ""}
    told = list(show.replayed({"replayed": [row], "left": left}))
    assert told[:2] == [
        "1 to be told once more, after whatever their hosts have had since:",
        "  msg_1  vnfm  suspected  cmp-1  1 h 2 min old  pending, late  0 tries",
    ]
    more = ["3 more are dead: give the order again when these have been told"]
    assert told[2:] == (more if left else [])


# What comes of it


async def test_notices_are_listed_and_replayed() -> None:
    rig = Rig()
    async with desk(rig) as at:
        done = await ask(at, "--dead")
        assert (done.status, done.out) == (0, "no notices\n")
        first, second = await bury(rig, at, 2)
        done = await ask(at, "--dead", "--consumer", "vnfm", "--limit", "1")
        (line, hint) = done.out.splitlines()
        assert re.fullmatch(
            rf"  {second['id']}  vnfm  suspected  cmp-.  1 min old  dead  1 try  410 Gone", line
        )
        assert hint.startswith("what is dead is told once more by")
        listed = (await ask(at, "--json")).json["notices"]
        assert {row["consumer"] for row in listed} == {"vnfm", "ops"}
        done = await ask(at, "replay", first["id"], *WHY)
        assert (done.status, done.err) == (0, "")
        assert f"  {first['id']}  vnfm  suspected  " in done.out
        done = await ask(at, "replay", "--consumer", "vnfm", "--all-dead", "--json", *WHY)
        assert [row["id"] for row in done.json["replayed"]] == [second["id"]]
        assert (await ask(at, "--dead")).out == "no notices\n"


async def test_what_cannot_be_replayed_is_said_in_words() -> None:
    rig = Rig()
    async with desk(rig) as at:
        (dead,) = await bury(rig, at)
        for words, why in (
            (("msg_0",), "no notice has the id msg_0"),
            (("--consumer", "ops", "--all-dead"), "no notice to ops is dead"),
            (("--consumer", "x&y", "--all-dead"), "consumer x&y is not in the configuration"),
        ):
            done = await ask(at, "replay", *words, *WHY)
            assert (done.status, done.out) == (1, "")
            assert done.err.startswith(f"doctor-daemon: {why}")
            assert len(done.err.splitlines()) == 1
        done = await ask(at, "--consumer", "x&y=?")
        assert (done.status, done.out) == (0, "no notices\n")
        done = await ask(at, "replay", dead["id"], "--why", "")
        assert "why: found ''; expected a text of 1 to 500 characters" in done.err
        assert json.loads((await ask(at, "--dead", "--json")).out)["notices"][0]["id"] == dead["id"]
