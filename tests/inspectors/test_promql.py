"""Prometheus' answers: which of them are whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor_daemon.errors import DoctorError, Permanent, Temporary
from doctor_daemon.inspectors.promql import samples
from tests.inspectors.queries import Json, answer, series


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, answer([], warnings=["store x does not answer"]), Temporary, "is partial"),
        (200, answer([[1, "1"]], "matrix"), Permanent, "gives a matrix"),
        (200, answer([1, "1"], "scalar"), Permanent, "gives a scalar"),
        (200, {"status": "error", "error": "no"}, Temporary, "cannot answer: no"),
        (400, {"status": "error", "error": "parse error"}, Permanent, "parse error"),
        (422, {"status": "error", "error": "too many"}, Temporary, "too many"),
        (503, {"status": "error"}, Temporary, "no reason is given"),
        (502, b"<html>", Temporary, "502: no answer of Prometheus"),
        (200, b"<html>", Permanent, "200: no answer of Prometheus"),
        (200, b"", Permanent, "expected one JSON value"),
        (401, b"", Permanent, "does not let us in"),
        (403, b"", Permanent, "does not let us in"),
        (302, b"", Permanent, "redirects, which is not followed"),
        (200, {"status": "success"}, Permanent, "data: it is missing"),
        (200, answer({"a": 1}), Permanent, "a list of series"),
        (200, answer([{}]), Permanent, "metric"),
        (200, answer([{"metric": {"a": 1}, "value": [1, "1"]}]), Permanent, "text"),
        (200, answer([{"metric": {}, "value": [1, 1]}]), Permanent, "a time and a value"),
        (200, answer([{"metric": {}, "value": [1, "one"]}]), Permanent, "a number"),
        (200, answer([{"metric": {}, "value": "1"}]), Permanent, "a time and a value"),
        (200, answer([{"metric": {}, "value": [10**400, "1"]}]), Permanent, "a time and a value"),
        (
            200,
            json.dumps(answer([{"metric": {}, "value": [-7, "1"]}]))
            .replace("-7", "1e999")
            .encode(),
            *(Permanent, "a time and a value"),
        ),
        (200, answer([{}] * 20_001), Permanent, "20001 series; expected at most 20000"),
    ],
)
def test_what_is_no_whole_answer_is_none(
    status: int, body: Json | bytes, error: type[DoctorError], words: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(error, match=words):
        samples(status, content)


def test_advice_on_the_query_is_no_fault() -> None:
    body = dict(series(5, cmp_1="1"), infos=["metric might not be a counter"], warnings=[])
    (sample,) = samples(200, json.dumps(body).encode())
    assert (sample.value, sample.at_s, sample.labels["host"]) == (1.0, 5.0, "cmp-1")


@given(st.integers(100, 599), st.binary(max_size=300))
def test_no_answer_is_a_bug(status: int, body: bytes) -> None:
    try:
        samples(status, body)
    except DoctorError as error:
        assert str(error).isprintable()  # noqa: PT017 - most answers are refused, and a few are not


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ("status", "data", "result", "resultType", "metric", "value", "warnings")
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_json_is_a_bug(value: object) -> None:
    for result in (value, [value], [{"metric": {}, "value": value}]):
        for body in (value, answer(result), answer(result, warnings=value)):
            try:
                samples(200, json.dumps(body).encode())
            except DoctorError as error:
                assert str(error).isprintable()  # noqa: PT017 - as above
