"""Real etcd members on loopback, each with a folder and ports of its own, ended by their ids.

Debian's etcd-server. Its members speak plain HTTP here, or TLS to their clients.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.slice.site import free_port

START_S = 30.0
STOP_S = 10.0


class Member:
    """One etcd, which may be killed and begun again on what it has."""

    def __init__(self, name: str, folder: Path, options: Sequence[str] = ()) -> None:
        self.name = name
        self.port, self.peer = free_port(), free_port()
        self.scheme = "https" if any("cert" in option for option in options) else "http"
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.peer_url = f"http://127.0.0.1:{self.peer}"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cluster: str) -> None:
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("etcd", "--name", self.name, "--data-dir", str(self._folder / "data")),
                    *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
                    *("--listen-peer-urls", self.peer_url),
                    *("--initial-advertise-peer-urls", self.peer_url),
                    *("--initial-cluster", cluster, "--initial-cluster-state", "new"),
                    *("--heartbeat-interval", "50", "--election-timeout", "500"),
                    *self._options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal: SIGSTOP and SIGCONT make a member hang and go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait(STOP_S)

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2000:]


class Cluster:
    """Members that know each other."""

    def __init__(self, folder: Path, members: int = 1, options: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.members = [Member(f"e{n}", folder / f"e{n}", options) for n in range(members)]
        self.cluster = ",".join(f"{one.name}={one.peer_url}" for one in self.members)

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(member.url for member in self.members)

    def start(self, member: Member | None = None, *, guarded: bool = False) -> None:
        """Start one member, or all, and wait until each has a leader, or refuses us as `guarded`.

        Whether one that speaks TLS has a leader is left to the store to find out.
        """
        begun = [member] if member else self.members
        for one in begun:
            one.start(self.cluster)
        end = time.monotonic() + START_S
        for one in begun:
            if one.scheme == "http":
                _wait(one, end, guarded=guarded)

    def kill(self) -> None:
        for member in self.members:
            member.kill()


def _wait(member: Member, end: float, *, guarded: bool) -> None:
    """Wait until a member answers a linearizable read: then it has a leader."""
    while True:
        try:
            call(member.port, "kv/range", {"key": "YQ=="})
            return
        except (OSError, HTTPException) as error:
            if guarded and "user name is empty" in str(error):
                return
            if time.monotonic() > end or member.ended:
                raise AssertionError(f"etcd did not become ready: {member.log()}") from None
            time.sleep(0.02)


def call(port: int, path: str, body: object, token: str = "") -> dict[str, Any]:
    """Ask a member directly. Raise OSError when it does not answer well."""
    headers = {"Authorization": token} if token else {}
    with closing(HTTPConnection("127.0.0.1", port, timeout=3)) as connection:
        connection.request("POST", f"/v3/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != HTTPStatus.OK:
            raise OSError(f"{answer.status}: {said.decode()}")
        found: dict[str, Any] = json.loads(said)
        return found


def code(text: str) -> str:
    """Return a text as the gateway takes it."""
    return b64encode(text.encode()).decode()


@contextmanager
def running(folder: Path, members: int = 1, options: Sequence[str] = ()) -> Iterator[Cluster]:
    """Run a cluster."""
    cluster = Cluster(folder, members, options)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
