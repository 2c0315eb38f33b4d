"""The daemon's configuration for a lab, and what it comes to.

All that is not about the lab is as shipped, but for what `benchmarks.plan` names.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.plan import BUDGET, MASS, Json
from benchmarks.processes import free_port
from doctor_daemon.config import load

OPERATORS = "operators"
EVERYONE = "everyone"

SPOKEN = "evidence"
"""The type of a source that the bench speaks to itself."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a scene wants of its daemon."""

    mode: str = "fence"
    timing: Mapping[str, float] | None = None
    one_consumer: bool = False
    """One consumer hears for all projects, in the place of one consumer for each."""
    sources: tuple[Json, ...] = ()
    """Sources besides the one that the bench speaks to; of its type they have its secret."""
    kept: Mapping[str, int] | None = None
    """Options of SQLite, where that is the state: how much is kept."""
    plain: bool = False
    """The daemon as it is run by its unit, and no reader of the host map beside it."""
    state: Json | None = None
    """Where the state lies; None: in SQLite, in the scene's folder."""
    beside: Mapping[str, str] | None = None
    """What is put into the environment of the daemon."""


class Configuration:
    """The file of one daemon, and the addresses in it."""

    def __init__(self, folder: Path, about: Any, hooks_url: str, wishes: Wishes) -> None:  # noqa: ANN401 - the lab's JSON
        self.path = folder / "doctor-daemon.yaml"
        self.socket = folder / "operators.sock"
        self.nice = 0
        """The priority that the daemon has, once it runs."""
        self.database = folder / "state" / "state.sqlite3"
        self.bearer = secrets.token_hex(16)
        ports = [free_port(), free_port()]
        self.evidence_url = f"http://127.0.0.1:{ports[0]}/v1/evidence"
        self.metrics_url = f"http://127.0.0.1:{ports[1]}"
        bearer_file = folder / "bearer"
        bearer_file.touch(0o600)
        bearer_file.write_text(self.bearer)
        auth = {"bearer_file": str(bearer_file)}
        self._options: dict[str, Any] = {
            "mode": wishes.mode,
            "listen": f"127.0.0.1:{ports[0]}",
            "metrics_listen": f"127.0.0.1:{ports[1]}",
            "operators": {"socket": str(self.socket), "group": "nobody-is-in-this-group"},
            "state": wishes.state
            or {"type": "sqlite", "path": str(self.database), **(wishes.kept or {})},
            "timing": {"warm_up_s": 0, **(wishes.timing or {})},
            "budget": dict(BUDGET),
            "mass": dict(MASS),
            "cloud": {"clouds_file": about["clouds"], "cloud": about["cloud"]},
            "sources": [
                {"name": "bench", "type": SPOKEN, "trust": "alone", "auth": auth},
                *(
                    {**source, "auth": dict(auth)} if source["type"] == SPOKEN else source
                    for source in wishes.sources
                ),
            ],
            "consumers": [*_consumers(about["consumers"], hooks_url, wishes)],
            "hosts": [_host(name, host, about, wishes) for name, host in about["hosts"].items()],
        }
        self.path.write_text(yaml.safe_dump(self._options))

    def effective(self) -> Json:
        """Return what it comes to: the core's policy with every default, and what was set."""
        settings = load(self.path)
        words = {name: value for name, value in self._options.items() if name in _TOLD}
        return {
            "policy": asdict(settings.policy),
            "set": words,
            "hosts": len(settings.plans),
            "levels": [[device.kind for device in level.devices] for level in _levels(settings)],
            "consumers": len(settings.consumers),
            "nice": self.nice,
        }


_TOLD = ("mode", "timing", "budget", "mass", "evacuation")


def _levels(settings: Any) -> Any:  # noqa: ANN401 - Settings, of which one plan stands for all
    return next(iter(settings.plans.values())).levels


def _consumers(hooks: Mapping[str, Any], hooks_url: str, wishes: Wishes) -> list[Json]:
    """Make one consumer for each project, or one for all, and one for the operators."""
    if not wishes.one_consumer:
        return [_consumer(name, hook, hooks_url) for name, hook in hooks.items()]
    operators = hooks[OPERATORS]
    everyone = _consumer(EVERYONE, {**operators, "project_id": "all"}, hooks_url)
    return [_consumer(OPERATORS, operators, hooks_url), everyone]


def _consumer(name: str, hook: Mapping[str, Any], hooks_url: str) -> Json:
    project = hook["project_id"]
    projects = project if project == "all" else [project]
    return {
        "name": name,
        "type": "webhook",
        "url": f"{hooks_url}/hooks/{name}",
        "secret_file": hook["secret_file"],
        "audience": {"projects": projects} if project else {"operators": True},
    }


def _host(name: str, host: Mapping[str, Any], about: Any, wishes: Wishes) -> Json:  # noqa: ANN401 - JSON
    device = {
        "type": "redfish",
        "url": host["system"],
        "username": about["bmc"]["user"],
        "password_file": about["bmc"]["password_file"],
        "uuid": host["uuid"],
    }
    return {
        "names": name,
        "domain": name,
        "mode": wishes.mode,
        "shared_storage": True,
        "levels": [[device]],
    }
