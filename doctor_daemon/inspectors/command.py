"""Any program that writes JSON lines: for what no plug-in knows, without writing one.

    {"host": "cmp-7", "verdict": "down", "summary": "unclean, and not fenced yet"}

With `every_s` it is run again and again, and what it says counts once it has ended well: half of a
list could lack the line that matters. Without, it runs for good, each line counts as it comes, and
a program that ends is started again, with a pause that doubles.

It speaks for one kind of evidence, as every source. No shell is involved, and nothing of what
hosts are called ever becomes a part of a command.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, ClassVar, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from doctor_daemon.core.evidence import Verdict
from doctor_daemon.errors import Temporary
from doctor_daemon.inspectors.polling import Polling
from doctor_daemon.inspectors.program import Program, running
from doctor_daemon.inspectors.voice import View
from doctor_daemon.inspectors.wire import NAME_MAX, Found, parsed, shown
from doctor_daemon.ports import Intake, SourceTerms
from doctor_daemon.ports.refusal import Refusal

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

LINES_MAX = 20_000
"""Lines of one run."""
RATE_PER_S = 200
"""Lines of a program that runs for good, a second."""
PAUSE_S, PAUSE_MAX_S = 1.0, 60.0
PRINT_MAX = 64


class CommandConfig(BaseModel):
    """The options of a source of type `command`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    argv: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """The program, by its absolute path, and its arguments. Other users of the machine can read
    them: no secrets here."""
    every_s: Annotated[float, Field(ge=1, le=240)] | None = None
    """From the beginning of one run to that of the next; left out: it runs for good."""
    timeout_s: Annotated[float, Field(ge=0.5, le=240)] = 10.0
    """How long one run may take, with `every_s`."""
    kind: Annotated[str, Field(pattern="^[a-z0-9_.-]{1,64}$")]
    """The kind of its evidence."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if not Path(self.argv[0]).is_absolute():
            msg = f"argv: found {self.argv[0]!r}; expected an absolute path"
            raise ValueError(msg)
        if self.every_s is not None and self.timeout_s > self.every_s:
            msg = f"timeout_s: found {self.timeout_s:g}; expected no more than every_s"
            raise ValueError(msg)
        return self


class Command(Polling):
    """Hears a program."""

    Config: ClassVar[type[CommandConfig]] = CommandConfig

    def __init__(self, config: CommandConfig, terms: SourceTerms) -> None:
        """Start nothing yet."""
        super().__init__(terms, config.every_s or 0.0)
        self._config = config
        self._pause_s = PAUSE_S

    @override
    async def look(self, intake: Intake) -> None:
        """Run it once, or for good, and say what it says. Raise Temporary unless it ended well."""
        if self._config.every_s is None:
            await self.follow(intake)
        else:
            await self.ask(intake)

    async def ask(self, intake: Intake) -> None:
        """Run it once, and say what it has said. Raise Temporary unless it has ended well."""
        try:
            async with asyncio.timeout(self._config.timeout_s), running(self._config.argv) as made:
                lines = await _all(made)
                status = await made.status()
                words = made.words()
        except TimeoutError:
            msg = f"the program has not ended within {self._config.timeout_s:g} s"
            raise Temporary(msg) from None
        if status:
            msg = f"the program has failed ({status}), and nothing of it counts: {words}"
            raise Temporary(msg)
        try:
            views = [view for line in lines if (view := self._view(line, intake))]
        except Refusal as error:
            msg = f"nothing of what it wrote counts: {error}"
            raise Temporary(msg) from None
        await self._voice.say(views, intake)

    async def follow(self, intake: Intake) -> None:
        """Run it for good. Raise Temporary when it has ended, after a pause."""
        clock = asyncio.get_running_loop().time
        began_s = clock()
        try:
            async with running(self._config.argv) as made:
                await self._listen(made, intake)
                msg = f"the program has ended ({await made.status()}): {made.words()}"
                raise Temporary(msg)
        finally:
            lasted = clock() - began_s > PAUSE_MAX_S
            self._pause_s = PAUSE_S if lasted else min(self._pause_s * 2, PAUSE_MAX_S)
            await asyncio.sleep(self._pause_s / 2)

    async def _listen(self, made: Program, intake: Intake) -> None:
        async for line in made.lines():
            try:
                view = self._view(line, intake)
                self._voice.around.looked(self.name)
            except Refusal as error:
                log.warning("line not taken", source=self.name, error=str(error))
                view = None
            if view is not None:
                await self._say(view, intake)
            await asyncio.sleep(1 / RATE_PER_S)

    async def _say(self, view: View, intake: Intake) -> None:
        """Say one thing; what could not be saved is said when the program says it again."""
        try:
            await self._voice.say([view], intake)
        except Temporary as error:
            log.warning("not saved", source=self.name, host=str(view.host), error=str(error))

    def _view(self, line: bytes, intake: Intake) -> View | None:
        """Read a line; None: it is empty, or about no host of ours. Raise Refusal."""
        if not line.strip():
            return None
        found = Found(parsed(line))
        found.only("host", "verdict", "summary", "fingerprint")
        name = found.must("host", "the name of a host").word(NAME_MAX)
        verdict = found.must("verdict", "down, up or withdrawn").choice(Verdict)
        summary, print_ = found.may("summary"), found.may("fingerprint")
        host = intake.host(name)
        if host is None:
            log.info("no configured host", source=self.name, host=shown(name))
            return None
        return View(
            host=host,
            verdict=verdict,
            kind=self._config.kind,
            summary=summary.summary() if summary else "",
            fingerprint=print_.word(PRINT_MAX) if print_ else "",
        )


async def _all(made: Program) -> list[bytes]:
    """Return every line of a run. Raise Temporary for too many."""
    lines: list[bytes] = []
    async for line in made.lines():
        lines.append(line)
        if len(lines) > LINES_MAX:
            msg = f"the program has written more than {LINES_MAX} lines"
            raise Temporary(msg)
    return lines
