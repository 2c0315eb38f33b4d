"""A log that is written to memory, and put away after each test."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from doctor_daemon import log
from doctor_daemon.ports import secrets

Lines = Callable[[], list[Any]]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    kept = secrets._memory  # noqa: SLF001 - other tests' secrets are no part of these
    secrets._memory = secrets.Memory()  # noqa: SLF001 - as above
    log.standing(mode="unknown", armed=False)
    yield
    secrets._memory = kept  # noqa: SLF001 - as above
    log.close()
    log.standing(mode="unknown", armed=False)
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines() -> Lines:
    """Log as JSON; each call closes the log and returns what was written."""
    stream = io.StringIO()
    log.setup("json", "debug", stream)

    def written() -> list[Any]:
        log.close()
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return written


@pytest.fixture
def text() -> Callable[[], str]:
    stream = io.StringIO()
    log.setup("text", "debug", stream)

    def written() -> str:
        log.close()
        return stream.getvalue()

    return written


def logger() -> structlog.stdlib.BoundLogger:
    made: structlog.stdlib.BoundLogger = structlog.get_logger("doctor_daemon.test")
    return made


def fail(said: str) -> None:
    raise ValueError(said)
