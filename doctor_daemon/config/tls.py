"""TLS on the address for evidence, and the names of those who show a certificate: the options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from doctor_daemon.config.section import Section
from doctor_daemon.config.words import parse_words
from doctor_daemon.ports import SecretFile

NAME = re.compile(r"(?:dns|uri|ip|email|cn):[ -~]{1,255}|sha256:[0-9a-f]{64}")


class Tls(Section):
    """TLS on `listen`. Left out: plain HTTP. The files are read again when they change."""

    certificate_file: Path
    """The daemon's certificate, PEM, with what leads to its authority."""
    key_file: SecretFile
    """Its key, without a password."""
    client_ca_file: Path | None = None
    """The authorities of the certificates that sources show (`auth.certificates`), PEM. Left out:
    nobody is asked for one."""


def parse_certificates(value: object) -> tuple[str, ...]:
    """Read the names of certificates; a hash may be spelt as openssl spells it."""
    names = []
    for text in parse_words(value):
        kind, _, name = text.partition(":")
        if kind == "sha256":
            name = name.replace(":", "").lower()
        elif kind == "dns":
            name = name.lower()
        if not NAME.fullmatch(f"{kind}:{name}"):
            msg = "expected dns:, uri:, ip:, email: or cn: with a name, or sha256: with 64 digits"
            raise ValueError(msg)
        names.append(f"{kind}:{name}")
    return tuple(names)


CertificateNames = Annotated[tuple[str, ...], BeforeValidator(parse_certificates)]
