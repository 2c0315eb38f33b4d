"""Files that people write: the configuration, clouds.yaml, keys; and the headers of a signature."""

from __future__ import annotations

import os
import re
from pathlib import Path

from aiohttp import web

from doctor_daemon.api.gatekeepers import BearerGate, TokenGate
from doctor_daemon.api.signed import ID, SIGNATURE, TIMESTAMP, SignatureGate
from doctor_daemon.config.document import read_document
from doctor_daemon.config.load import load
from doctor_daemon.config.problems import LETTERS_MAX, Problems
from doctor_daemon.controllers.clouds import read_cloud
from doctor_daemon.errors import ConfigError
from doctor_daemon.heartbeat.keys import read_key
from doctor_daemon.inspectors.masakari_versions import asked_version
from doctor_daemon.ports.refusal import Refusal
from doctor_daemon.ports.replays import Spending, Spent
from doctor_daemon.ports.secrets import SecretFile
from doctor_daemon.ports.signature import key_of
from tests.fuzz.requests import brief, judge_refusal, request, untold

FOLDER = Path("/dev/shm", f"fuzz-{os.getpid()}")  # noqa: S108 - memory, and a folder of our own
SECRET = "correct-horse-battery"
PROBLEMS_MAX = LETTERS_MAX + 50
"""Characters: the problems, and how many are not shown."""
KEY = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def _file(name: str, data: bytes) -> Path:
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    path = FOLDER / name
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def document(data: bytes) -> None:
    """Any YAML: plain data, or problems that name file and line."""
    problems = Problems()
    found = read_document(_file("any.yaml", data), problems)
    assert found is not None or problems
    try:
        problems.raise_any()
    except ConfigError as error:
        brief(error, PROBLEMS_MAX)


def configuration(data: bytes) -> None:
    """A whole configuration: settings, or every problem at once."""
    try:
        load(_file("doctor-daemon.yaml", data))
    except ConfigError as error:
        brief(error, PROBLEMS_MAX)


def clouds(data: bytes) -> None:
    """A clouds.yaml: one entry, or an error that quotes nothing of it."""
    file = SecretFile(_file("clouds.yaml", data))
    try:
        found = read_cloud(file, "mine")
    except ConfigError as error:
        brief(error, PROBLEMS_MAX)
        return
    assert all(isinstance(value, str) for value in found.auth.values())


def clouds_password(data: bytes) -> None:
    """A password that YAML may take for something else: it is in no error."""
    text = re.sub(r"[\r\n\x85\u2028\u2029]", " ", data.decode(errors="replace"))
    written = f"clouds: \n  mine: \n    auth: \n      password: {text}{SECRET}\n"
    try:
        read_cloud(SecretFile(_file("clouds.yaml", written.encode())), "mine")
    except ConfigError as error:
        untold(error, SECRET)


def heartbeat_key(data: bytes) -> None:
    """The file with a host's key."""
    try:
        key = read_key(_file("key", data))
    except ConfigError as error:
        brief(error, PROBLEMS_MAX)
        if len(data) >= 16:
            untold(error, data.decode(errors="replace"))
        return
    assert 0 < key.number < 256
    assert key.line().encode().strip() == data.strip()


class _Spent:
    """`ports.replays.Replays`: remembers in memory."""

    def __init__(self) -> None:
        self._known: set[Spent] = set()

    async def spend(self, request: Spent, window_s: float) -> Spending:
        if request in self._known:
            return Spending.REPLAYED
        self._known.add(request)
        return Spending.FIRST


def signature(data: bytes) -> None:
    """Headers of signed requests, of tokens, and of microversions, and the body that is signed."""
    parts = [part.decode("utf-8", "surrogateescape") for part in data.split(b"\n")[:4]]
    id_, seconds, offered, other = (*parts, "", "", "", "")[:4]
    headers = {ID: id_, TIMESTAMP: seconds, SIGNATURE: offered}
    more = {"Authorization": other, "X-Auth-Token": other, "OpenStack-API-Version": other}
    asked = request(data, headers={**headers, **more})
    file = SecretFile(_file("signing", KEY.encode()))
    gate = SignatureGate("s", [file], 300.0, _Spent())
    try:
        gate.admit(asked)
        gate.verify(asked, data)
        raise AssertionError(headers)  # nobody signs by chance
    except web.HTTPUnauthorized:
        pass
    for made in (BearerGate([file]), TokenGate([file])):
        try:
            made.admit(asked)
        except web.HTTPUnauthorized:
            continue
        assert KEY in other
    try:
        assert (1, 0) <= asked_version(asked) <= (1, 3)
    except Refusal as refusal:
        judge_refusal(refusal)


def signing_key(data: bytes) -> None:
    """The secret of a signature: a key, or an error that does not repeat it."""
    text = data.decode(errors="replace")
    try:
        assert 24 <= len(key_of(text)) <= 64
    except ConfigError as error:
        if len(text) >= 8:
            untold(error, text)
