"""Answers of Prometheus' query API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def series(at_s: float = 100.0, /, **values: str) -> Json:
    """Make an answer: a host's name -> the value of its series; `_` stands for `-`."""
    found = [
        {"metric": {"__name__": "up", "host": name.replace("_", "-")}, "value": [at_s, value]}
        for name, value in values.items()
    ]
    return answer(found)


def answer(found: object, kind: str = "vector", **more: object) -> Json:
    return {"status": "success", "data": {"resultType": kind, "result": found}, **more}
