"""`POST /v1/answers`: what a project says of its own servers that wait for a word of it.

    {"answers": [{"server": "0a8c2f6e-...", "answer": "handled"}]}

It is no evidence, and says nothing of any host: a source of this type can open nothing, cut nothing
and move nothing that would not have been moved. What it can do is to have a server of its projects
moved a little earlier (`go`), or left (`handled`), and only where that server's own metadata asks
to wait and the operator lets it. So it needs a secret, and the configuration names its projects. Of
a server that is another's, or unknown, or does not wait, it hears the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from doctor_daemon.core.evidence import Trust
from doctor_daemon.core.holding import Said, Word
from doctor_daemon.core.host import ServerId
from doctor_daemon.errors import ConfigError
from doctor_daemon.inspectors.wire import Found, RoutePath, read
from doctor_daemon.ports import Gatekeeper, Inspector, Intake, SourceTerms

SERVER_MAX = 64
ProjectId = Annotated[str, Field(min_length=1, max_length=64)]


class Answers(Inspector):
    """Takes in the words of one project, or of several."""

    api: ClassVar[int] = 1

    class Config(BaseModel):
        """The options of a source of type `answers`."""

        model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

        path: RoutePath = "/v1/answers"
        """Where answers are posted to. Two sources need two paths."""
        projects: Literal["all"] | Annotated[tuple[ProjectId, ...], Field(min_length=1)]
        """The ids of the projects for whose servers it may answer, or `all`."""

    def __init__(self, config: Config, terms: SourceTerms) -> None:
        """Speak for these projects. Raise ConfigError where nobody can tell who speaks."""
        if terms.trust is Trust.OPEN:
            msg = (
                f"source {terms.name!r}: auth: found addresses; expected bearer_file or "
                "token_file: who answers for a project has to show who it is"
            )
            raise ConfigError(msg)
        self.name = terms.name
        self._path = config.path
        self._projects = None if config.projects == "all" else frozenset(config.projects)

    @override
    async def run(self, intake: Intake) -> None:
        """Wait: projects come by themselves."""
        await asyncio.Event().wait()

    @override
    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        """Return the one route."""

        async def take(request: web.Request) -> web.Response:
            gate.admit(request)
            return await self._take(await read(request), intake)

        return [web.post(self._path, take)]

    async def _take(self, body: Found, intake: Intake) -> web.Response:
        """Read all of it before any of it is believed."""
        body.only("answers")
        items = body.must("answers", "a list of answers").items("answers")
        words = [self._word(item, intake) for item in items]
        receipts = [await self._receipt(word, intake) for word in words]
        return web.json_response({"receipts": receipts})

    def _word(self, item: Found, intake: Intake) -> Said:
        item.only("server", "answer")
        server = item.must("server", "the id of a server").word(SERVER_MAX)
        word = item.must("answer", "go or handled").choice(Word)
        return Said(ServerId(server), word, self.name, intake.now())

    async def _receipt(self, word: Said, intake: Intake) -> dict[str, str]:
        outcome = await intake.answer(word, self._projects)
        return {"server": word.server, "outcome": outcome.value}
