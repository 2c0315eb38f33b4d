"""How a source proves who it is: the options, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field

from doctor_daemon.config.section import Section
from doctor_daemon.config.settings import AuthKind, SourceAuth
from doctor_daemon.config.tls import CertificateNames
from doctor_daemon.config.words import parse_networks
from doctor_daemon.ports import SecretFile

Networks = Annotated[tuple[str, ...], BeforeValidator(parse_networks)]
WAYS = (
    *("bearer_file", "token_file", "keystone_roles", "hmac_files", "certificates", "addresses"),
)
BOTH = ("hmac_files", "certificates")
"""What may stand together: the one is about the connection, the other about each request."""
WINDOW_S = 120.0


class Auth(Section):
    """How a source proves who it is: by one of the six, or by `certificates` and `hmac_files`."""

    bearer_file: SecretFile | None = None
    """A file with the secret that comes as `Authorization: Bearer`."""
    token_file: SecretFile | None = None
    """A file with the secret that comes as `X-Auth-Token`. Keystone is not asked about it."""
    keystone_roles: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...] = ()
    """Keystone is asked about the token that comes as `X-Auth-Token`, with the account of `cloud`:
    its user must have one of these roles in the token's project."""
    hmac_files: Annotated[tuple[SecretFile, ...], Field(max_length=2)] = ()
    """Files with keys, `whsec_` and the base64 of 24 to 64 random bytes, of which one signs each
    request as Standard Webhooks do. Two while one is being changed for the other. Beside
    `certificates` both are asked for."""
    hmac_window_s: Annotated[float, Field(ge=5, le=600)] = WINDOW_S
    """With `hmac_files`: how far the time of signing may be from ours, by the wall clock."""
    certificates: CertificateNames = ()
    """What the certificate that it shows must have, exactly, one of these: `dns:NAME`, `uri:NAME`,
    `ip:ADDRESS`, `email:NAME`, `cn:NAME`, or `sha256:HASH` of the certificate itself. Needs `tls`
    with `client_ca_file`."""
    addresses: Networks = ()
    """Addresses or networks whose requests are taken without a secret, for senders that have none.
    Such a source is never enough to fence by."""
    i_accept_unauthenticated: bool = False
    """Needed with `addresses`: whoever can send from there can accuse hosts."""

    def wrong(self) -> Iterator[tuple[str, str]]:
        """Yield option and text of what does not go together; '' is the whole."""
        given = [name for name in WAYS if getattr(self, name)]
        if len(given) != 1 and given != [*BOTH]:
            found = " and ".join(given) or "none"
            both = " with ".join(BOTH)
            yield "", f"found {found}; expected exactly one of {', '.join(WAYS)}, or {both}"
            return
        if self.hmac_window_s != WINDOW_S and not self.hmac_files:
            yield "hmac_window_s", "expected no such option: it belongs to hmac_files"
        if self.i_accept_unauthenticated is not bool(self.addresses):
            text = (
                "expected true: whoever can send from these addresses can accuse hosts"
                if self.addresses
                else "expected no such option: it belongs to addresses"
            )
            yield "i_accept_unauthenticated", text

    def made(self) -> SourceAuth:
        """Return what a request must bring."""
        if self.bearer_file:
            return SourceAuth(AuthKind.BEARER, self.bearer_file)
        if self.token_file:
            return SourceAuth(AuthKind.TOKEN, self.token_file)
        if self.keystone_roles:
            return SourceAuth(AuthKind.KEYSTONE, roles=self.keystone_roles)
        if self.hmac_files:
            return SourceAuth(
                AuthKind.HMAC,
                keys=self.hmac_files,
                window_s=self.hmac_window_s,
                certificates=self.certificates,
            )
        if self.certificates:
            return SourceAuth(AuthKind.CERTIFICATE, certificates=self.certificates)
        networks = tuple(ip_network(text) for text in self.addresses)
        return SourceAuth(AuthKind.ADDRESSES, None, networks)
