"""What every part of the file is: a model in which every option is known, or is a plug-in's."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from doctor_daemon.config.words import parse_label

Name = Annotated[str, AfterValidator(parse_label)]


class Section(BaseModel):
    """A part of the file in which every option is known."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PluginSection(BaseModel):
    """A part of the file whose other options are the plug-in's."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    type: Name
    """Which plug-in."""
