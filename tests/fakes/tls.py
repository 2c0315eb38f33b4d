"""Certificates of a run's own."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from doctor_daemon.lab import certificates

Tls = tuple[Path, ssl.SSLContext]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return a CA's file, and a server's context for 127.0.0.1 and localhost."""
    return asyncio.run(certificates.make(tmp_path_factory.mktemp("tls")))
