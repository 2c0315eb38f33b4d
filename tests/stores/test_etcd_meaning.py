"""E5: what an answer of etcd's gateway means, by its status, its code and its words."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientPayloadError

from doctor_daemon.errors import Permanent, Temporary
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.stores.etcd_meaning import (
    DENIED,
    INVALID,
    NOBODY,
    PRECONDITION,
    RANGE,
    SAID_MAX,
    TAKEN,
    WORDS_MAX,
    Compacted,
    Expired,
    TooLong,
    Unanswered,
    cluster_of,
    sorted_out,
    understood,
)

ENDPOINT = Endpoint(url="https://etcd")
HEADER = {"header": {"cluster_id": "1"}}


def said(status: int, answer: object) -> object:
    return understood(status, json.dumps(answer).encode(), ENDPOINT)


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        ({**HEADER, "kvs": []}, {**HEADER, "kvs": []}),
        ({"result": {**HEADER, "TTL": "1"}}, {**HEADER, "TTL": "1"}),
        ({**HEADER, "result": {"ID": "1"}}, {**HEADER, "result": {"ID": "1"}}),
        ({"result": "a"}, {"result": "a"}),
        ({"error": "a"}, {"error": "a"}),
    ],
)
def test_e5_what_was_answered_is_taken_as_it_is_or_out_of_its_stream(
    answer: object, meant: object
) -> None:
    assert said(200, answer) == meant


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((one, Permanent) for one in (INVALID, DENIED, TAKEN, PRECONDITION, 12)),
        (RANGE, Compacted),
        *((one, Unanswered) for one in (2, 14, 15, None, "3", [3])),
        (NOBODY, Expired),
    ],
)
def test_e5_a_code_says_whether_asking_again_is_of_use(code: object, kind: type[Exception]) -> None:
    for status, answer in (
        (503, {"code": code, "message": "so it is"}),
        (200, {"error": {"grpc_code": code, "message": "so it is"}}),
    ):
        with pytest.raises(kind) as failed:
            said(status, answer)
        assert type(failed.value) is kind
        assert "so it is" in str(failed.value) or kind is Expired


@pytest.mark.parametrize(
    "words",
    ["etcdserver: invalid auth token", "revision of auth store is old", "user name is empty"],
)
def test_e6_a_token_that_counts_no_more_is_known_by_the_words(words: str) -> None:
    with pytest.raises(Expired):
        said(400, {"code": INVALID, "message": words})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"message": "this", "error": "that"}, "answers 500: this$"),
        ({"error": "that"}, "answers 500: that$"),
        ({"message": ["this"]}, "answers 500: $"),
        ({"message": "a\nb"}, "answers 500: a b$"),
        ({"message": "x" * (SAID_MAX + 1)}, f"answers 500: x{{{SAID_MAX}}}$"),
        ({"message": "x" * WORDS_MAX}, f"answers 500: x{{{SAID_MAX}}}$"),
        ({"message": "x" * (WORDS_MAX + 1)}, "answers 500: long$"),
        ([], "answers 500, and no JSON object: "),
    ],
    ids=["both", "other", "list", "line", "longish", "longest", "long", "none"],
)
def test_e5_of_a_complaint_the_beginning_is_told(answer: object, words: str) -> None:
    with pytest.raises(Unanswered, match=words):
        said(500, answer)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"header": []},
        {"header": {}},
        {"header": {"cluster_id": 1}},
        {"header": {"cluster_id": "x"}},
    ],
)
def test_e5_whoever_shows_no_cluster_is_no_etcd(answer: dict[str, object]) -> None:
    with pytest.raises(Unanswered, match="not as an etcd"):
        cluster_of(answer)
    assert cluster_of({"header": {"cluster_id": "17"}}) == "17"


@pytest.mark.parametrize(
    ("words", "kind"), [("longer than 64 MiB", TooLong), ("not all is there", Unanswered)]
)
def test_a12_an_answer_that_is_cut_off_is_lost_and_one_that_is_too_long_is_not(
    words: str, kind: type[Temporary]
) -> None:
    with pytest.raises(kind) as failed, sorted_out(1.0):
        raise ClientPayloadError(words)
    assert type(failed.value) is kind
