"""Who hears what: the options that decide it, alike for every type of consumer.

A notice for a project and one for the operators are two notices, made from the same entry, and a
consumer is given the one, the other or both.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from doctor_daemon.core.incident import NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice

ProjectId = Annotated[str, Field(min_length=1, max_length=64)]
"""Not empty: the empty one stands for the operators."""

_NEVER_WRONG = frozenset(
    set(NoticeKind)
    - {NoticeKind.SUSPECTED, NoticeKind.WITHDRAWN, NoticeKind.CONFIRMED, NoticeKind.SERVICE}
)
"""What is never taken back: that a human is needed, and what was read in Nova."""


class Audience(BaseModel):
    """Whose notices a consumer gets: the operators' (they name the host), and whole projects'."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    operators: bool = False
    """Whether it gets the operators' notices: they name the host and say everything."""
    projects: Literal["all"] | tuple[ProjectId, ...] = ()
    """The ids of the projects whose notices it gets, or `all`. These name no host."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.operators and not self.projects:
            msg = "expected operators: true, or projects: all or a list of project ids"
            raise ValueError(msg)
        return self

    def includes(self, project: str) -> bool:
        """Tell whether a notice for this project is for this consumer."""
        if project == OPERATORS:
            return self.operators
        return self.projects == "all" or project in self.projects


class Hearing(BaseModel):
    """The options of every consumer that can be told any kind of notice."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    audience: Audience
    """Whose notices it gets."""
    kinds: frozenset[NoticeKind] = frozenset(NoticeKind)
    """Which kinds of notices it gets; left out: all, those to come included."""

    @field_validator("kinds")
    @classmethod
    def _never_left_in_error(cls, kinds: frozenset[NoticeKind]) -> frozenset[NoticeKind]:
        """Refuse to tell what will not be taken back."""
        if not kinds:
            msg = f"expected some of {', '.join(NoticeKind)}"
            raise ValueError(msg)
        if kinds - _NEVER_WRONG and NoticeKind.WITHDRAWN not in kinds:
            msg = "expected withdrawn too: what is told has to be taken back when it was wrong"
            raise ValueError(msg)
        return kinds

    def includes(self, notice: Notice) -> bool:
        """Tell whether a notice is for this consumer."""
        return notice.kind in self.kinds and self.audience.includes(notice.project)
