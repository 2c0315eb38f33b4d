"""Fixtures of the inspectors' tests."""

from __future__ import annotations

from tests.fakes.tls import tls

__all__ = ["tls"]
