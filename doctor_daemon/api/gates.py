"""Makes the gate of a source: what each of its requests has to pass."""

from __future__ import annotations

from doctor_daemon.api.certified import CertificateGate, CertifiedSeal
from doctor_daemon.api.gatekeepers import AddressGate, BearerGate, ShutGate, TokenGate
from doctor_daemon.api.keystone_gate import KeystoneGate
from doctor_daemon.api.signed import SignatureGate
from doctor_daemon.config import AuthKind, SourceChoice
from doctor_daemon.engine.ward import Instruments
from doctor_daemon.ports import Gatekeeper
from doctor_daemon.ports.replays import Replays


def gate_of(choice: SourceChoice, replays: Replays, tools: Instruments) -> Gatekeeper:
    """Make what a source's requests have to pass. Raise ConfigError."""
    auth = choice.auth
    secrets = [auth.secret] if auth.secret else []
    match auth.kind:
        case AuthKind.NOBODY:
            return ShutGate()
        case AuthKind.ADDRESSES:
            return AddressGate(auth.networks)
        case AuthKind.KEYSTONE:
            return KeystoneGate(auth.roles, tools.controller, tools.clock)
        case AuthKind.HMAC:
            signed = SignatureGate(choice.name, auth.keys, auth.window_s, replays)
            if not auth.certificates:
                return signed
            return CertifiedSeal(CertificateGate(auth.certificates), signed)
        case AuthKind.CERTIFICATE:
            return CertificateGate(auth.certificates)
        case AuthKind.BEARER:
            return BearerGate(secrets)
        case AuthKind.TOKEN:
            return TokenGate(secrets)
