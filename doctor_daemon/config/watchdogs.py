"""Hosts' own watchdogs: where the daemon acknowledges them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator, field_validator

from doctor_daemon.config.section import Section
from doctor_daemon.config.words import Address, parse_address
from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import SECRET_MIN, Algorithm, Key
from doctor_daemon.ports import SecretFile

Listen = Annotated[Address, PlainValidator(parse_address), PlainSerializer(str, return_type=str)]


class WatchdogKey(Section):
    """One secret of the whole fleet, of which each host's key is made: a heartbeat source's own."""

    number: Annotated[int, Field(ge=1, le=255)] = 1
    """By which an agent says under which secret its key was made."""
    algorithm: Annotated[Algorithm, Field(strict=False)] = Algorithm.BLAKE2B
    """`blake2b` or `hmac-sha256`, as `heartbeat-key` was told."""
    secret_file: SecretFile
    """The file of the secret. No other daemon may have it: its answers would keep a host alive."""


class Watchdogs(Section):
    """Where hosts' watchdogs are acknowledged, for power devices of the type `watchdog`.

    Left out: nowhere. Taking it out again resets every host whose agent still runs.
    """

    listen: Listen
    """ADDRESS:PORT where their agents ask, by UDP: 7413."""
    keys: Annotated[tuple[WatchdogKey, ...], Field(min_length=1, max_length=2)]
    """The secrets that are accepted, each `{number: 1, algorithm: blake2b, secret_file: FILE}`; two
    while one is changed."""
    file: Path = Path("/var/lib/doctor-daemon/watchdogs.json")
    """Where is kept who is not acknowledged any more."""
    restart_s: Annotated[float, Field(ge=30, le=1800)] = 120.0
    """How long the daemon may be away for an upgrade or a restart of its machine, in seconds. No
    lease may be shorter than that and 30 s."""

    @field_validator("keys")
    @classmethod
    def _different(cls, keys: tuple[WatchdogKey, ...]) -> tuple[WatchdogKey, ...]:
        if len({key.number for key in keys}) < len(keys):
            msg = "expected two numbers"
            raise ValueError(msg)
        return keys

    def secrets(self) -> tuple[Key, ...]:
        """Return the keys. Raise ConfigError when a secret cannot be used."""
        return tuple(_key(one) for one in self.keys)


def _key(one: WatchdogKey) -> Key:
    secret = one.secret_file.read().encode()
    if len(secret) < SECRET_MIN:
        msg = (
            f"{one.secret_file}: the secret has {len(secret)} bytes; expected at least {SECRET_MIN}"
        )
        raise ConfigError(msg)
    return Key(one.number, one.algorithm, secret)
