"""What the tests of the intake share."""

from __future__ import annotations

from tests.fakes.tls import tls

__all__ = ["tls"]
