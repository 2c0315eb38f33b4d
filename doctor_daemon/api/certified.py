"""Who shows a certificate may speak for the source that names it (mutual TLS).

That the certificate is good (signed by `tls.client_ca_file`, in its time, and of who has its key),
the handshake has seen. Which source it speaks for is compared here, with exact names: a pattern in
a list of who may have power cut is a pattern for somebody else's certificate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from doctor_daemon.api.gatekeepers import Unproven
from doctor_daemon.ports.intake import Seal

SANS = {"DNS": "dns", "URI": "uri", "IP Address": "ip", "email": "email"}


class CertificateGate:
    """Admits who has shown a certificate that is named."""

    def __init__(self, names: Sequence[str]) -> None:
        """Take `dns:`, `uri:`, `ip:`, `email:` and `cn:` with a name, and `sha256:` with a hash."""
        self._names = frozenset(names)

    def admit(self, request: web.Request) -> None:
        """Raise Unproven unless the connection's certificate has one of the names."""
        shown: Any = request.get_extra_info("peercert")
        tls: Any = request.get_extra_info("ssl_object")
        if not shown or tls is None:
            raise Unproven("no_certificate", "no certificate was shown")
        found = {*_names(shown), f"sha256:{_hash(tls.getpeercert(binary_form=True))}"}
        if not found & self._names:
            listed = ", ".join(sorted(found))[:300]
            raise Unproven("wrong_certificate", f"the certificate is another's: {listed}")


class CertifiedSeal:
    """Admits who has shown a certificate that is named, and passes the seal too."""

    def __init__(self, shown: CertificateGate, seal: Seal) -> None:
        """Ask for the certificate first: a signature costs a read of the body."""
        self._shown = shown
        self._seal = seal

    def admit(self, request: web.Request) -> None:
        """Raise Unproven where the certificate or a header is missing."""
        self._shown.admit(request)
        self._seal.admit(request)

    def verify(self, request: web.Request, body: bytes) -> None:
        """Raise Unproven unless the body is what was sealed."""
        self._seal.verify(request, body)

    async def settle(self, request: web.Request) -> None:
        """Raise what refuses a request that came before, or not at its time."""
        await self._seal.settle(request)


def _hash(certificate: bytes | None) -> str:
    return hashlib.sha256(certificate or b"").hexdigest()


def _names(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a certificate says of its owner."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in SANS:
            yield f"{SANS[kind]}:{name.lower() if kind == 'DNS' else name}"
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                yield f"cn:{value}"
