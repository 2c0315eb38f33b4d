"""Fixtures of the inspectors' tests."""

from __future__ import annotations

from tests.fakes.tls import tls
from tests.inspectors.broker import rabbitmq

__all__ = ["rabbitmq", "tls"]
