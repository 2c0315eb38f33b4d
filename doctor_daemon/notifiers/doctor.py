"""OPNFV Doctor's consumer: a VNFM that listens to Aodh's alarms hears of its servers, unchanged.

Doctor's own consumer takes every POST for a failure and reads no `current`. So an alarm goes to one
URL and what ends it to another, as Aodh's alarm_actions and ok_actions do; and a failure is told
once it is confirmed, not when it is suspected, unless the configuration says otherwise.

A notice about n servers is n POSTs. It is delivered when each of them is taken. What is repeated
after a failure are the POSTs that were not; after a restart it is all of them, with the same ids.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from doctor_daemon.core.evacuation import Stage
from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import Notice
from doctor_daemon.errors import ConfigError, Permanent, Temporary
from doctor_daemon.notifiers.aodh import MEDIA_TYPE, Alarms
from doctor_daemon.notifiers.audience import Audience
from doctor_daemon.notifiers.posting import Posting
from doctor_daemon.ports.consumer import NoticeRow
from doctor_daemon.ports.endpoint import Endpoint
from doctor_daemon.ports.secrets import SecretFile

_WELL = (NoticeKind.WITHDRAWN, NoticeKind.OUTCOME, NoticeKind.RECOVERED)
"""What ends an alarm."""
AT_ONCE = 8
"""POSTs of one notice that are under way at a time."""
PROGRESS_MAX = 1024
"""Notices whose progress is remembered; what is forgotten is only told again."""


class DoctorConfig(Endpoint):
    """Where to post alarms, and what ends them."""

    url: str
    """Where alarms go, as `http://CONSUMER:12346/failure`; redirects are not followed."""
    ok_url: str | None = None
    """Where it is told that a server is well again, or was wrongly named; left out: nowhere."""
    early: bool = False
    """Whether suspicions are told as alarms too, before the host is off. Needs `ok_url`."""
    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    """How long one POST may take; half of it for the connection."""
    bearer_file: SecretFile | None = None
    """A file with a secret that goes along as `Authorization: Bearer`."""
    audience: Audience
    """Whose notices it gets: the operators' or the projects'. No alarm names a host."""

    @model_validator(mode="after")
    def _ok_url_is_as_good_as_url(self) -> Self:
        """Refuse what `url` may not be either; the text is not repeated, it may hold a password."""
        if self.ok_url is None:
            return self
        try:
            Endpoint(url=self.ok_url, i_accept_plain_http=self.i_accept_plain_http)
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False)[0]["msg"]
            msg = f"ok_url: {told.removeprefix('Value error, ').removeprefix('url: ')}"
            raise ValueError(msg) from None
        return self

    @model_validator(mode="after")
    def _early_can_be_taken_back(self) -> Self:
        if self.early and self.ok_url is None:
            msg = "early: expected ok_url too: a suspicion has to be taken back when it was wrong"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _nobody_hears_twice(self) -> Self:
        if self.audience.operators and self.audience.projects:
            msg = "audience: expected either operators or projects: an alarm would be sent twice"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True)
class _Post:
    """One alarm on its way."""

    number: int
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class _Progress:
    """How far one notice has got: the numbers of its alarms that need no further POST."""

    settled: set[int] = field(default_factory=set)
    refused: int = 0
    refusal: str = ""


class Doctor:
    """A `Notifier` that posts an alarm for each server."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[DoctorConfig]] = DoctorConfig

    def __init__(self, config: DoctorConfig, name: str) -> None:
        """Connect to nothing yet. Raise ConfigError when `ca_file` cannot be used."""
        self.name = name
        self._config = config
        self._posting = Posting(config)
        self._progress: dict[str, _Progress] = {}

    def wants(self, notice: Notice) -> bool:
        """Tell whether there is an alarm in it for this consumer."""
        return (
            bool(notice.servers)
            and self._config.audience.includes(notice.project)
            and self._tells(notice)
        )

    def _tells(self, notice: Notice) -> bool:
        match notice.kind:
            case NoticeKind.CONFIRMED:
                return True
            case NoticeKind.SUSPECTED:
                return self._config.early
            case NoticeKind.WITHDRAWN | NoticeKind.RECOVERED:
                return self._config.ok_url is not None
            case NoticeKind.OUTCOME:
                return self._config.ok_url is not None and notice.outcome == Stage.MOVED
            case NoticeKind.HELD | NoticeKind.MAINTENANCE | NoticeKind.ALARM | NoticeKind.SERVICE:
                return False

    def render(self, notice: Notice, id_: str, sequence: int) -> str:
        """Return the alarms, a line each, to be frozen."""
        return Alarms(notice, id_, sequence, self._config.early).render()

    async def deliver(self, row: NoticeRow) -> None:
        """Post each alarm that was not taken yet. Raise Temporary to try the rest again.

        Raise Permanent to give the notice up: some alarm was refused, and all others were taken.
        """
        posts = _posts(row, self._url(row), self._headers(row))
        progress = self._progress_of(row.id)
        left = iter([post for post in posts if post.number not in progress.settled])
        async with asyncio.TaskGroup() as tasks:
            workers = [tasks.create_task(self._work(left, progress)) for _ in range(AT_ONCE)]
        troubles = [trouble for worker in workers if (trouble := worker.result()) is not None]
        if troubles:
            raise _summed(troubles, len(progress.settled), len(posts))
        del self._progress[row.id]
        if progress.refused:
            msg = f"{progress.refused} of {len(posts)} alarms: {progress.refusal}"
            raise Permanent(msg)

    async def close(self) -> None:
        """Let go of the connections, for good."""
        await self._posting.close()

    async def _work(self, left: Iterator[_Post], progress: _Progress) -> Temporary | None:
        """Post what is left, until nothing is, or until the consumer is in trouble."""
        for post in left:
            try:
                await self._posting.post(post.url, post.body, post.headers)
            except Temporary as error:
                for _ in left:  # the other workers begin no more either
                    pass
                return error
            except Permanent as error:
                progress.refused += 1
                progress.refusal = str(error)
            progress.settled.add(post.number)
        return None

    def _url(self, row: NoticeRow) -> str:
        """Return where a notice goes. One for `ok_url` may be older than the configuration."""
        if row.kind not in _WELL:
            return self._config.url
        if self._config.ok_url is None:
            msg = "there is no ok_url any more"
            raise Permanent(msg)
        return self._config.ok_url

    def _headers(self, row: NoticeRow) -> dict[str, str]:
        headers = {"Content-Type": MEDIA_TYPE}
        if row.gap_before:
            headers["webhook-gap-before"] = "true"
        if self._config.bearer_file is not None:
            headers["Authorization"] = f"Bearer {_token(self._config.bearer_file)}"
        return headers

    def _progress_of(self, id_: str) -> _Progress:
        """Return what is known of a notice, and forget those that were not asked for the longest.

        The engine tells nobody that it gives a notice up, so the end cannot be waited for.
        """
        progress = self._progress.pop(id_, None) or _Progress()
        while len(self._progress) >= PROGRESS_MAX:
            del self._progress[next(iter(self._progress))]
        self._progress[id_] = progress
        return progress


def _posts(row: NoticeRow, url: str, headers: Mapping[str, str]) -> list[_Post]:
    """Return a notice's POSTs. The id of a request is its alarm's: it is the same when repeated.

    Raise Permanent when the notice was rendered by another type of consumer of the same name.
    """
    posts: list[_Post] = []
    try:
        for number, line in enumerate(row.body.split("\n")):
            id_ = json.loads(line)["reason_data"]["event"]["message_id"]
            request = {"x-openstack-request-id": f"req-{id_}"}
            posts.append(_Post(number, url, line.encode(), {**headers, **request}))
    except (ValueError, KeyError, TypeError):
        msg = "the notice was written down for a consumer of another type"
        raise Permanent(msg) from None
    return posts


def _summed(troubles: list[Temporary], settled: int, count: int) -> Temporary:
    """Return one error for all: what went wrong first, and the longest pause that was asked for."""
    summed = Temporary(f"{settled} of {count} alarms are through: {troubles[0]}")
    waits = [error.retry_after_s for error in troubles if error.retry_after_s is not None]
    summed.retry_after_s = max(waits, default=None)
    return summed


def _token(file: SecretFile) -> str:
    """Read the secret anew. An unreadable one can be mended: the notice waits for it."""
    try:
        token = file.read()
    except ConfigError as error:
        msg = f"bearer_file: {error}"
        raise Temporary(msg) from None
    if not (token.isascii() and token.isprintable()) or " " in token:
        msg = f"bearer_file: {file}: expected one word of ASCII"
        raise Temporary(msg)
    return token
