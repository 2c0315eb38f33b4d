"""etcd's JSON gateway: one call at whichever endpoint answers, and what its answer means.

Source: https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/ and rpc.proto beside it.

A call goes to the endpoint that answered last, and to the next one where it does not answer; the
one that did not is asked last from then on. So a call may be done twice; whoever writes sees to it
that the second time changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BytesIO

import structlog
from aiohttp import ClientSession

from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.ports import SecretFile
from doctor_daemon.ports.endpoint import Endpoint, bounded
from doctor_daemon.ports.secrets import remember
from doctor_daemon.stores.etcd_json import Json, is_token
from doctor_daemon.stores.etcd_meaning import (
    Compacted,
    Expired,
    TooLong,
    Unanswered,
    cluster_of,
    sorted_out,
    understood,
)
from doctor_daemon.stores.etcd_stream import Stream

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
CLOSE_S = 5.0
"""How long it may take to let go of all connections."""
ANSWER_MAX = 64 * 1024 * 1024
"""Bytes of an answer: the gateway's, with everything in base64."""
RANGED = "kv/range"
"""The one path on which an answer may be long, or what is asked for be kept no more."""
CLOSED = "etcd: the store has been closed"


class Gateway:
    """Calls one cluster, by any of its endpoints."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        tls: ssl.SSLContext,
        *,
        username: str = "",
        password: SecretFile | None = None,
    ) -> None:
        """Connect to nothing yet."""
        self.failure = "etcd: no answer"
        """Why nobody has answered the last time that nobody did."""
        self._failures: dict[str, str] = {}
        """Of each endpoint that was asked since somebody has answered: why it has not."""
        self._endpoints = list(endpoints)
        self._tls = tls
        self._username = username
        self._password = password
        self._token = ""
        self._known = False
        """We have logged in: a refusal from then on may be of a password that is being changed."""
        self._cluster = ""
        self._lines: dict[str, ClientSession] = {}
        self._refusing: set[str] = set()
        self._closed = False

    async def call(
        self, path: str, body: Mapping[str, object], *, within_s: float | None = None
    ) -> Json:
        """Call `/v3/PATH` and return the answer. All endpoints are asked `within_s`, if need be.

        Raise Unanswered when no endpoint has answered, Temporary when etcd says that it cannot now,
        Permanent when every endpoint refuses: one alone may be another cluster's, or broken; and
        once the connections have been let go.
        """
        self._check_open()
        content, sent = json.dumps(body).encode(), False
        refusals: list[Permanent] = []
        share_s = None if within_s is None else within_s / len(self._endpoints)
        for endpoint in list(self._endpoints):
            try:
                answer = await self._tried(endpoint, path, content, share_s)
                self._refusing.discard(endpoint.url)
                self._failures.clear()
                return answer
            except (TooLong, Compacted):
                self._last(endpoint)
                raise
            except Unanswered as error:
                self._failed(endpoint, f"{endpoint.url}: {error}")
                sent = sent or error.sent
            except Permanent as error:
                self._failed(endpoint, str(error))
                refusals.append(error)
                self._refused(endpoint, error)
            except asyncio.CancelledError:  # whoever asks has no more time
                self._failed(endpoint, f"{endpoint.url}: no answer yet")
                self._last(endpoint)
                raise
            self._last(endpoint)
        if len(refusals) == len(self._endpoints):
            raise refusals[0]
        raise Unanswered(self.failure, sent=sent)

    async def each(
        self, path: str, body: Mapping[str, object]
    ) -> Mapping[str, Json | Temporary | Permanent]:
        """Ask every endpoint; return what each has answered, by its URL, or why it has not."""
        content, found = json.dumps(body).encode(), dict[str, Json | Temporary | Permanent]()
        for endpoint in tuple(self._endpoints):
            try:
                found[endpoint.url] = await self._by(endpoint, path, content)
            except (Temporary, Permanent) as error:
                found[endpoint.url] = error
        return found

    def belong(self, cluster: str) -> None:
        """Take an answer of any other cluster for a refusal from now on."""
        self._cluster = cluster

    def silent(self, stream: Stream) -> None:
        """Ask whoever does not go on with an answer after all others from now on."""
        self._last(stream.endpoint)

    def _failed(self, endpoint: Endpoint, why: str) -> None:
        """Note why it has not answered, beside why the others have not, the last one last."""
        self._failures.pop(endpoint.url, None)
        self._failures[endpoint.url] = why
        self.failure = f"etcd: {'; '.join(self._failures.values())}"

    def _refused(self, endpoint: Endpoint, error: Permanent) -> None:
        """Say it once, until it answers again: others may hide it for long."""
        if endpoint.url not in self._refusing:
            log.warning("an endpoint of etcd refuses", error=str(error))
        self._refusing.add(endpoint.url)

    def _last(self, endpoint: Endpoint) -> None:
        """Ask an endpoint after all others from now on."""
        self._endpoints.sort(key=lambda one: one is endpoint)

    async def _tried(
        self, endpoint: Endpoint, path: str, content: bytes, share_s: float | None
    ) -> Json:
        try:
            async with asyncio.timeout(share_s):
                return self._of_cluster(await self._by(endpoint, path, content), endpoint)
        except TimeoutError:
            raise Unanswered(f"no answer within {share_s:g} s", sent=True) from None

    async def close(self) -> None:
        """Let go of the connections, for good: whoever goes on asking makes no new ones."""
        self._closed = True
        lines, self._lines = self._lines, {}
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(session.close() for session in lines.values()))

    def _check_open(self) -> None:
        if self._closed:
            raise Permanent(CLOSED)

    async def _by(self, endpoint: Endpoint, path: str, content: bytes) -> Json:
        """Call one endpoint, with a new token if the one that we have counts no more."""
        for fresh in (False, True):
            if self._username and (fresh or not self._token):
                self._token = await self._authenticate(endpoint)
            try:
                return await self._post(endpoint, path, content, self._token)
            except Expired:
                if not self._username:
                    raise Permanent(
                        f"etcd: {endpoint.url} refuses whoever shows no user: expected username"
                        " and password_file"
                    ) from None
        raise Unanswered("it takes no token, not even a new one", sent=False)

    async def _authenticate(self, endpoint: Endpoint) -> str:
        try:
            token = await self._login(endpoint)
        except Permanent as error:
            if not self._known:
                raise
            raise Unanswered(str(error), sent=False) from None
        self._known = True
        return token

    async def _login(self, endpoint: Endpoint) -> str:
        if self._password is None:
            raise Permanent("etcd: a username is configured, and no password_file")
        try:
            secret = self._password.read()
        except ConfigError as error:
            raise Permanent(str(error)) from None
        login = json.dumps({"name": self._username, "password": secret}).encode()
        try:
            answer = await self._post(endpoint, "auth/authenticate", login, "")
        except Unanswered as error:
            raise Unanswered(str(error), sent=False) from None
        except Expired:
            raise Permanent(f"etcd: {endpoint.url} refuses the user {self._username}") from None
        token = answer.get("token")
        if not isinstance(token, str) or not is_token(token):
            raise Unanswered("it gave no token", sent=False)
        remember(token)
        return token

    def _of_cluster(self, answer: Json, endpoint: Endpoint) -> Json:
        """Return an answer. Raise Permanent if the endpoint is of another cluster than before."""
        cluster = cluster_of(answer)
        self._cluster = self._cluster or cluster
        if cluster != self._cluster:
            raise Permanent(f"etcd: {endpoint.url} belongs to another cluster than the others")
        return answer

    async def _post(self, endpoint: Endpoint, path: str, content: bytes, token: str) -> Json:
        try:
            return await self._posted(endpoint, path, content, token)
        except (TooLong, Compacted) as error:
            if path == RANGED:
                raise
            raise Unanswered(str(error), sent=True) from None  # nothing of the kind was asked for

    def _line(
        self, endpoint: Endpoint, path: str, token: str
    ) -> tuple[float, ClientSession, str, dict[str, str]]:
        """Return what a call needs: how long it may take, and where and how it is sent."""
        if self._closed:
            raise Unanswered(CLOSED, sent=False)
        session = self._lines.get(endpoint.url)
        if session is None:
            session = self._lines[endpoint.url] = endpoint.session(self._tls)
        headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
        return endpoint.timeout_s, session, f"{endpoint.url.rstrip('/')}/v3/{path}", headers

    async def stream(self, path: str, body: Mapping[str, object]) -> Stream:
        """Begin a call whose answer goes on, at the endpoint that is asked first.

        Return it, its first word being taken. Raise as `call` does; the next is asked then.
        """
        self._check_open()
        endpoint, content = self._endpoints[0], json.dumps(body).encode()
        try:
            for fresh in (False, True):
                if self._username and (fresh or not self._token):
                    self._token = await self._authenticate(endpoint)
                with suppress(Expired):
                    return await self._begun(endpoint, path, content)
            raise Unanswered("it lets nobody watch, not even with a new token", sent=False)
        except (Temporary, Permanent):
            self._last(endpoint)
            raise

    async def _begun(self, endpoint: Endpoint, path: str, content: bytes) -> Stream:
        timeout_s, session, url, headers = self._line(endpoint, path, self._token)
        with sorted_out(timeout_s):
            async with asyncio.timeout(timeout_s):
                response = await session.post(
                    url, data=content, headers=headers, allow_redirects=False
                )
                stream = Stream(response, endpoint)
                try:
                    word = self._of_cluster(await stream.next(), endpoint)
                except BaseException:
                    stream.close()
                    raise
        if word.get("canceled") and self._username:
            stream.close()
            raise Expired  # etcd does not say whether it is for the token or for the user
        return stream

    async def _posted(self, endpoint: Endpoint, path: str, content: bytes, token: str) -> Json:
        timeout_s, session, url, headers = self._line(endpoint, path, token)
        body = BytesIO(content)  # a large one is sent piece by piece
        with sorted_out(timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                status, said = response.status, await bounded(response, ANSWER_MAX)
        return understood(status, said, endpoint)
