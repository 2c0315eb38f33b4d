"""Certificates of a run's own."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from doctor_daemon.lab import certificates

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = monitor 1
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:monitor, DNS:Monitor.example.org, URI:spiffe://example.org/monitor
"""
Tls = tuple[Path, ssl.SSLContext]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Return a CA's file, and a server's context for 127.0.0.1 and localhost."""
    return asyncio.run(certificates.make(tmp_path_factory.mktemp("tls")))


async def issued(authority: Path, into: Path | None = None) -> Path:
    """Make a client's certificate and key in one file, signed by the authority in a folder."""
    folder = into or authority
    config, key, out = folder / "client.cnf", folder / "client.key", folder / "client.pem"
    config.write_text(_CONFIG)
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-days", "30", "-config", str(config), "-keyout", str(key), "-out", str(out)),
        *("-extensions", "client", "-CA", str(authority / "ca.pem")),
        *("-CAkey", str(authority / "ca.key")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    out.write_bytes(out.read_bytes() + key.read_bytes())
    return out
