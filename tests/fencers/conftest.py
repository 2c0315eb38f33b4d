"""What these tests share."""

from __future__ import annotations

from tests.fakes.tls import tls

__all__ = ["tls"]
