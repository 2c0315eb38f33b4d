"""Keys: one for each host, made from one secret that only the daemon has.

A host's key is an HMAC of its name under that secret, so the daemon keeps one file and not a
thousand, and a key that is stolen speaks for its own host alone. A key has a number, by which a
datagram says under which it was made: while the secret is changed two of them are accepted. The
algorithm belongs to the number, so nobody can ask for a weaker one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.wire import MAC_BYTES, Mac

PURPOSE = b"doctor-daemon heartbeat 1"
SECRET_MIN = 16
"""Bytes; shorter secrets are guessed."""
FILE_MAX = 4096
_BLOCK = 64
_LINE = re.compile(r"([1-9][0-9]{0,2}) (hmac-sha256|blake2b) ([0-9a-f]{64})\n?")


class Algorithm(StrEnum):
    """How a datagram is authenticated."""

    HMAC_SHA256 = "hmac-sha256"
    BLAKE2B = "blake2b"


@dataclass(frozen=True, slots=True)
class Key:
    """A secret, with its number and its algorithm: the daemon's, or one host's."""

    number: int
    algorithm: Algorithm
    secret: bytes = field(repr=False)

    def of(self, name: bytes) -> Key:
        """Return a host's key, this one being the daemon's."""
        said = b"\0".join((PURPOSE, self.algorithm.encode(), name))
        return Key(self.number, self.algorithm, hmac.digest(self.secret, said, "sha256"))

    def line(self) -> str:
        """Return the key as its file has it."""
        return f"{self.number} {self.algorithm} {self.secret.hex()}\n"

    def mac(self) -> Mac:
        """Return the function that authenticates with this key. What can be prepared is."""
        return _blake2b(self.secret) if self.algorithm is Algorithm.BLAKE2B else _hmac(self.secret)


def _blake2b(secret: bytes) -> Mac:
    begun = hashlib.blake2b(key=secret, digest_size=MAC_BYTES).copy

    def mac(said: bytes | bytearray | memoryview) -> bytes:
        made = begun()
        made.update(said)
        return made.digest()

    return mac


def _hmac(secret: bytes) -> Mac:
    """HMAC by its definition (RFC 2104), from two states that are made once: a third of the time.

    A secret is never longer than a block here, so it is used as it is.
    """
    block = secret.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block)).copy
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def mac(said: bytes | bytearray | memoryview) -> bytes:
        made = inner()
        made.update(said)
        outside = outer()
        outside.update(made.digest())
        return outside.digest()[:MAC_BYTES]

    return mac


def key_of(text: str, where: Path) -> Key:
    """Read a host's key as its file has it. Raise ConfigError, which never repeats it."""
    found = _LINE.fullmatch(text)
    if found is None or int(found[1]) > 255:  # noqa: PLR2004 - one byte of the datagram
        msg = (
            f"{where}: no key of a heartbeat; expected one line, as "
            "`doctor-daemon heartbeat-key HOST` prints it"
        )
        raise ConfigError(msg)
    return Key(int(found[1]), Algorithm(found[2]), bytes.fromhex(found[3]))


def read_key(path: Path) -> Key:
    """Read the file of a host's key. Raise ConfigError, also where others can read it."""
    try:
        with open(path, "rb", opener=_opener) as file:
            found = os.fstat(file.fileno())
            text = file.read(FILE_MAX).decode("ascii", "replace")
    except OSError as error:
        msg = f"{path}: the key cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    if not stat.S_ISREG(found.st_mode) or found.st_mode & _forbidden(path):
        msg = f"{path}: others can read or change the key; expected a file of mode 0600"
        raise ConfigError(msg)
    return key_of(text, path)


def _opener(path: str, flags: int) -> int:
    """Open without waiting: the writer of a named pipe may never come."""
    return os.open(path, flags | os.O_NONBLOCK)


def _forbidden(path: Path) -> int:
    """Return the permissions that a key may not grant.

    In the folder that systemd makes, the group's read bit is the mask of the access list by which
    the service's user is let in.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return 0o037 if folder and path.is_relative_to(folder) else 0o077
