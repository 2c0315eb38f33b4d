"""The operators' API to notices: what was given up is seen, and told once more by whoever may."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from typing import Any

import pytest

from tests.api.desk import called_as, desk, parsed, refused, request
from tests.api.letters import NOTICES, bury, listed
from tests.api.rig import error
from tests.engine.rig import Rig

STRANGER = 54_322
REPLAY = "/v1/notices/replay"
IDS = "a list of 1 to 200 ids of notices"
EACH = "each the id of a notice, of up to 100 characters"
EITHER = error(
    "invalid",
    "",
    "what is meant is not clear",
    "either ids, or the consumer of whom all are meant",
)


async def test_notices_are_listed_the_newest_first_and_may_be_chosen_from() -> None:
    rig = Rig()
    async with desk(rig) as at:
        assert await listed(at) == []
        (dead,) = await bury(rig, at)
        assert dead | {"id": "", "incident": "", "age_s": 0} == {
            "id": "",
            "incident": "",
            "age_s": 0,
            "consumer": "vnfm",
            "kind": "suspected",
            "host": dead["host"],
            "sequence": 1,
            "state": "dead",
            "late": False,
            "attempts": 1,
            "error": "410 Gone",
        }
        both = await listed(at)
        assert {row["consumer"] for row in both} == {"vnfm", "ops"}
        ages = [row["age_s"] for row in both]
        assert ages == sorted(ages)
        assert len(await listed(at, "?limit=1")) == 1
        assert {row["consumer"] for row in await listed(at, "?consumer=ops")} == {"ops"}
        assert await listed(at, "?state=dead&consumer=ops") == []
        assert await listed(at, "?consumer=nobody") == []


async def test_a_replay_is_done_and_recorded_with_the_person_and_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rig, me = Rig(), pwd.getpwuid(os.geteuid()).pw_name
    async with desk(rig) as at:
        (dead,) = await bury(rig, at)
        body = {"ids": [dead["id"]], "why": " the endpoint\n is mended"}
        status, said = await at.ask("POST", REPLAY, body)
        assert (status, said["left"]) == (200, 0)
        assert [(r["id"], r["state"], r["late"]) for r in said["replayed"]] == [
            (dead["id"], "pending", True)
        ]
        for _ in range(1000):
            if dead["id"] in {row.id for _, row in rig.consumer.heard}:
                break
            await asyncio.sleep(0.01)
        assert [row.late for _, row in rig.consumer.heard if row.id == dead["id"]] == [True]
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "operator's order" in one][2:]
    assert {"order=replay", f"by={me}"} <= set(line.split())
    assert dead["id"] in line
    assert "why='the endpoint is mended'" in line


async def test_nobody_else_may_replay_or_look() -> None:
    rig = Rig()
    async with desk(rig) as at:
        (dead,) = await bury(rig, at)
        at.path.chmod(0o666)
        body = json.dumps({"ids": [dead["id"]], "why": "mischief"}).encode()
        for sent in (request("POST", REPLAY, body), request("GET", NOTICES)):
            _, said, complaint = await asyncio.to_thread(called_as, STRANGER, [7], at.path, sent)
            if os.geteuid() != 0:  # then nobody can become another user, and that is what is seen
                assert "PermissionError" in complaint
            else:
                assert parsed(said)[0] == 403
        assert [row["id"] for row in await listed(at, "?state=dead")] == [dead["id"]]


async def test_all_that_is_dead_of_a_consumer_is_told_again() -> None:
    rig = Rig()
    async with desk(rig) as at:
        dead = await bury(rig, at, 2)
        status, said = await at.ask("POST", REPLAY, {"consumer": "vnfm", "why": "mended"})
        assert (status, [row["id"] for row in said["replayed"]]) == (200, [r["id"] for r in dead])
        status, said = await refused(at, "POST", REPLAY, {"consumer": "vnfm", "why": "mended"})
        assert (status, said["code"]) == (409, "refused")
        assert said["message"] == "no notice to vnfm is dead"


async def test_what_cannot_be_replayed_is_said_in_words() -> None:
    rig = Rig()
    async with desk(rig) as at:
        (dead,) = await bury(rig, at)
        (told, *_) = await listed(at, "?consumer=ops&state=delivered")
        for ids, why in (
            (["msg_0"], "no notice has the id msg_0"),
            ([dead["id"], told["id"]], f"notice {told['id']} is delivered; only one that is dead"),
        ):
            status, said = await refused(at, "POST", REPLAY, {"ids": ids, "why": "x"})
            assert (status, said["code"]) == (409, "refused")
            assert said["message"].startswith(why)
        assert [row["id"] for row in await listed(at, "?state=dead")] == [dead["id"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"why": "x"}, EITHER),
        ({"why": "x", "ids": ["a"], "consumer": "vnfm"}, EITHER),
        ({"ids": ["a"]}, error("invalid", "why", "it is missing", "a text of 1 to 500 characters")),
        ({"why": "x", "ids": []}, error("invalid", "ids", "found a list", IDS)),
        ({"why": "x", "ids": "a"}, error("invalid", "ids", "found 'a'", IDS)),
        ({"why": "x", "ids": ["a"] * 201}, error("invalid", "ids", "found a list", IDS)),
        ({"why": "x", "ids": ["a", 7]}, error("invalid", "ids", "found 7", EACH)),
        ({"why": "x", "ids": [""]}, error("invalid", "ids", "found ''", EACH)),
        ({"why": "x", "ids": ["x" * 101]}, error("invalid", "ids", f"found '{'x' * 59}...", EACH)),
        (
            {"why": "x", "consumer": ["vnfm"]},
            error("invalid", "consumer", "found a list", "the name of a consumer"),
        ),
        (
            {"why": "x", "consumer": ""},
            error("invalid", "consumer", "found ''", "the name of a consumer"),
        ),
        (
            {"why": "x", "id": "a"},
            error("invalid", "'id'", "unknown field", "ids, consumer, why"),
        ),
    ],
)
async def test_a_wrong_order_is_refused(body: object, expected: dict[str, Any]) -> None:
    async with desk() as at:
        assert await refused(at, "POST", REPLAY, body) == (422, expected)


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ("state=asleep", "state", "pending | delivered | dead"),
        ("limit=0", "limit", "a number from 1 to 1000"),
    ],
)
async def test_a_wrong_question_is_refused(query: str, field: str, expected: str) -> None:
    async with desk() as at:
        status, said = await refused(at, "GET", f"{NOTICES}?{query}")
    assert (status, said["field"], said["expected"]) == (422, field, expected)
