"""Secrets: only ever the name of a file, read when it is needed.

A configuration that holds no secret cannot leak one, a file can be changed without a restart, and
systemd hands secrets over as files anyway. What was once read is remembered, so that the log can
strike it out wherever it turns up.
"""

from __future__ import annotations

import json
import os
import stat
import time
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Self
from urllib.parse import quote

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from doctor_daemon.errors import ConfigError

SIZE_MAX = 65_536
"""Bytes of a secret's file: a key or a password, not a document."""
LENGTH_MIN = 4
"""Characters: a shorter one protects nothing, and striking it out would ruin every log line."""
LINE_MIN = 20
REMEMBERED_MAX = 20_000
REDACTED = "[redacted]"
CACHED = 4096
CACHED_MAX = 512
"""Texts that are kept as they are without secrets, and the characters of the longest."""
SETTLED_NS = 1_000_000_000
FOLDER = "folder"
"""The key of the validation context under which the configuration's folder is found."""


class Memory:
    """Secrets that were read, in the spellings in which they may turn up, and found in any text.

    A cloud's BMCs alone have thousands, and each text of each line of the log and of the audit is
    searched for all of them: so they are looked up by their first characters, and the time a
    search takes depends on the text.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._spellings: dict[str, None] = {}
        self._heads: dict[str, dict[str, None]] = {}
        self._lock = Lock()  # plug-ins may read off the event loop
        self._age = 0
        self._cached = lru_cache(maxsize=CACHED)(self._struck)

    def __contains__(self, secret: str) -> bool:
        """Tell whether this very text is remembered."""
        return secret in self._spellings

    def add(self, secret: str) -> None:
        """Remember a secret; of too many the one that was read longest ago is forgotten."""
        # Of several lines, as a key has them, each long one: a short one is no secret.
        lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= LINE_MIN]
        with self._lock:
            for text in (secret, *lines):
                for spelling in _spellings(text):
                    self._put(spelling)
            while len(self._spellings) > REMEMBERED_MAX:
                self._forget(next(iter(self._spellings)))

    def _put(self, spelling: str) -> None:
        known = spelling in self._spellings
        self._spellings.pop(spelling, None)  # what was read last is forgotten last
        self._spellings[spelling] = None
        if not known:
            head = spelling[:LENGTH_MIN]
            self._heads.setdefault(head, {})[spelling] = None
            self._age += (
                1  # only now: what is cached was searched for all that were known at an age
            )

    def _forget(self, spelling: str) -> None:
        del self._spellings[spelling]
        head = spelling[:LENGTH_MIN]
        del self._heads[head][spelling]
        if not self._heads[head]:
            del self._heads[head]

    def concealed(self, text: str) -> str:
        """Return a text without the secrets. Gates and hosts are named in the same words again."""
        if len(text) > CACHED_MAX:
            return self._struck(text, self._age)
        return self._cached(text, self._age)

    def _struck(self, text: str, _: int) -> str:
        heads = self._heads
        there = {text[at : at + LENGTH_MIN] for at in range(len(text) - LENGTH_MIN + 1)}
        near = (tuple(heads.get(head, ())) for head in there & heads.keys())
        found = [one for some in near for one in some if one in text]
        for secret in sorted(found, key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text


def _spellings(text: str) -> tuple[str, ...]:
    """Return how a secret may be spelled; one that is too short to protect anything in no way."""
    if len(text) < LENGTH_MIN:
        return ()
    return (text, quote(text, safe=""), json.dumps(text)[1:-1], repr(text)[1:-1])


_memory = Memory()


def remember(secret: str) -> None:
    """Have `conceal` strike this out from now on, in the spellings in which it may turn up."""
    _memory.add(secret)


def conceal(text: str) -> str:
    """Strike out every secret that was read so far, the longest first."""
    return _memory.concealed(text)


class SecretFile:
    """A secret's file. What is in it appears in no repr, no exception and no dump."""

    __slots__ = ("_folder", "_name", "_seen")

    def __init__(self, name: str | Path, folder: Path | None = None) -> None:
        """Name a file; `folder` is where a relative name is looked for after the credentials."""
        self._name = Path(name)
        self._folder = folder
        self._seen: tuple[tuple[int, ...], str] | None = None

    @property
    def path(self) -> Path:
        """The file, as found now.

        A relative name is looked for in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=)
        and then in the configuration's folder.
        """
        if self._name.is_absolute():
            return self._name
        credentials = _credentials()
        if credentials is not None and os.access(credentials / self._name, os.F_OK):
            return credentials / self._name
        return Path(self._folder or Path.cwd(), self._name)

    def read(self) -> str:
        """Return the secret, without one newline at its end. Blocks for a small file's read.

        A file that has not been touched since is not read again: notices are signed by the hundred.

        Raise ConfigError when it cannot be read, is readable by others, or is no secret at all.
        """
        stamp, seen = self._stamp(), self._seen
        if stamp is not None and seen is not None and seen[0] == stamp and seen[1] in _memory:
            return seen[1]
        secret = _decoded(self._bytes(), self.path)
        remember(secret)
        self._seen = None if stamp is None else (stamp, secret)
        return secret

    def _stamp(self) -> tuple[int, ...] | None:
        """Return what changes with any change to the file, to its owner or to its mode."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        if time.time_ns() - found.st_ctime_ns < SETTLED_NS:
            return None  # another change of this very moment would look the same
        times = (found.st_mtime_ns, found.st_ctime_ns)
        return (found.st_dev, found.st_ino, found.st_size, found.st_mode, found.st_uid, *times)

    def check(self) -> None:
        """Raise ConfigError where `read` would."""
        _decoded(self._bytes(), self.path)

    def _bytes(self) -> bytes:
        """Read the file that was checked: the checks are made on what has been opened."""
        path = self.path
        try:
            path = Path(os.path.realpath(path, strict=True))
            with open(path, "rb", opener=_opener) as file:
                check_private(path, os.fstat(file.fileno()))
                return file.read(SIZE_MAX + 1)
        except OSError as error:
            msg = f"{path}: the secret cannot be read: {error.strerror}"
            raise ConfigError(msg) from None

    def __repr__(self) -> str:
        return f"SecretFile({str(self._name)!r})"

    def __str__(self) -> str:
        return str(self._name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretFile):
            return NotImplemented
        return (self._name, self._folder) == (other._name, other._folder)

    def __hash__(self) -> int:
        return hash((self._name, self._folder))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Take a file's name, and give it back where a model is dumped."""
        return core_schema.with_info_plain_validator_function(
            cls._from_name, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _from_name(cls, value: object, info: ValidationInfo) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str | Path) or not str(value).isprintable() or not str(value):
            msg = "expected the name of a file that holds the secret"
            raise ValueError(msg)
        context = info.context if isinstance(info.context, dict) else {}
        return cls(value, context.get(FOLDER))


def _credentials() -> Path | None:
    name = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(name) if name else None


def _opener(path: str, flags: int) -> int:
    """Open without waiting: the writer of a named pipe may never come."""
    return os.open(path, flags | os.O_NONBLOCK)


def check_private(path: Path, found: os.stat_result) -> None:
    """Raise ConfigError unless root or the daemon's user wrote it, and nobody else can read it."""
    if not stat.S_ISREG(found.st_mode):
        msg = f"{path}: a secret must be a regular file"
        raise ConfigError(msg)
    if found.st_uid not in (0, os.geteuid()):
        msg = (
            f"{path}: the secret belongs to user {found.st_uid}; "
            f"expected root or user {os.geteuid()}, who runs this: chown it, then chmod 600 {path}"
        )
        raise ConfigError(msg)
    if stat.S_IMODE(found.st_mode) & _forbidden(path):
        msg = (
            f"{path}: the secret's mode is {stat.S_IMODE(found.st_mode):04o}: "
            f"others can read or change it; expected 0600: chmod 600 {path}"
        )
        raise ConfigError(msg)


def _forbidden(path: Path) -> int:
    """Return the permissions that a secret may not grant.

    In the folder that systemd makes for this service alone, the group's read bit is the mask of the
    access list by which its user is let in, and grants the group nothing.
    """
    credentials = _credentials()
    if credentials is not None and path.is_relative_to(credentials.resolve()):
        return 0o037
    return 0o077


def _decoded(content: bytes, path: Path) -> str:
    if len(content) > SIZE_MAX:
        msg = f"{path}: the secret is longer than {SIZE_MAX} bytes"
        raise ConfigError(msg)
    try:
        secret = content.decode()
    except UnicodeDecodeError:
        msg = f"{path}: the secret is not UTF-8 text"
        raise ConfigError(msg) from None
    secret = secret.removesuffix("\r\n" if secret.endswith("\r\n") else "\n")
    if len(secret) < LENGTH_MIN:
        msg = f"{path}: the secret has {len(secret)} characters; expected at least {LENGTH_MIN}"
        raise ConfigError(msg)
    return secret
