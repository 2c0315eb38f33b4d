"""A certificate authority of the run's own, since the daemon verifies what a BMC shows it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.net import CLOUD

NAMES = ("127.0.0.1", CLOUD)
"""Where servers are found: on loopback, and by whoever is in a network namespace of a test."""
_OPENSSL = "/usr/bin/openssl"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the files of one run are: what a client trusts, and what the servers show."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    def make(self) -> None:
        """A CA, and one certificate for all names that it signed. Both end after two days."""
        self.folder.mkdir(parents=True, mode=0o700)
        ca_key = self.folder / "ca.key"
        usage = ("-addext", "keyUsage=critical,keyCertSign", "-addext", "basicConstraints=CA:TRUE")
        _openssl("-subj", "/CN=testbed CA", "-keyout", ca_key, "-out", self.ca, *_KEY, *usage)
        others = ",".join(f"IP:{name}" for name in NAMES)
        name = ("-subj", f"/CN={NAMES[0]}", "-addext", f"subjectAltName={others}")
        signed = ("-CA", self.ca, "-CAkey", ca_key, "-addext", "basicConstraints=CA:FALSE")
        _openssl(*name, "-keyout", self.key, "-out", self.certificate, *_KEY, *signed)


def _openssl(*words: str | Path) -> None:
    argv = [_OPENSSL, "req", "-x509", "-days", "2", *words]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
