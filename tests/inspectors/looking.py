"""What sources that look by themselves are tried with: surroundings that a test moves by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from doctor_daemon.core.evidence import Evidence
from doctor_daemon.core.host import HostId
from doctor_daemon.core.instant import Instant
from doctor_daemon.ports.secrets import FOLDER
from doctor_daemon.ports.surroundings import Concern, Surroundings
from tests.engine.rig import HOST, OTHER

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Scene:
    """The daemon as an inspector sees it."""

    concerns: dict[HostId, Concern] = field(default_factory=dict)
    opened_at: dict[HostId, Instant] = field(default_factory=dict)
    looked: list[str] = field(default_factory=list)

    def around(self, **more: Any) -> Surroundings:  # noqa: ANN401 - fields of Surroundings
        return Surroundings(
            hosts=(HOST, OTHER),
            concern=self.concern,
            opened=self.opened_at.get,
            looked=self.looked.append,
            **more,
        )

    def concern(self, host: HostId) -> Concern:
        return self.concerns.get(host, Concern.NONE)


def told(evidence: list[Evidence]) -> list[tuple[str, str, str]]:
    """Say of each piece of evidence its host, its kind and its verdict."""
    return [(one.host.name, one.kind, one.verdict.value) for one in evidence]


def configured(model: type[Model], folder: Path, **options: object) -> Model:
    """Make options as the configuration does: by way of JSON."""
    text = json.dumps(options)
    return model.model_validate_json(text, strict=True, context={FOLDER: folder})


def secret(path: Path, text: str) -> str:
    """Write a file that its owner alone can read; return its name."""
    path.touch(0o600)
    path.write_text(text)
    return path.name
