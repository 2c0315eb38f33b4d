"""Plug-ins with bugs, as somebody else might have installed them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from doctor_daemon.ports import Gatekeeper, Intake, SecretFile, SourceTerms
from tests.config.conftest import install

ENTRY_POINTS = """\
[doctor_daemon.inspectors]
mortal = tests.cli.broken:Mortal
[doctor_daemon.stores]
broken = tests.cli.broken:BrokenStore
unmakeable = tests.cli.broken:UnmakeableStore
"""
ROOT = Path(__file__).parents[2]


def installed(folder: Path) -> Mapping[str, str]:
    """Install the plug-ins below; return the environment in which they are found."""
    install(folder, "broken", ENTRY_POINTS)
    return {"PYTHONPATH": f"{folder}:{ROOT}"}


class StoreConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    secret_file: SecretFile


class BrokenStore:
    """A store whose bug quotes a secret."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[StoreConfig]] = StoreConfig

    def __init__(self, config: StoreConfig) -> None:
        self._config = config

    async def open(self) -> int:
        msg = f"cannot log in with {self._config.secret_file.read()}"
        raise RuntimeError(msg)

    async def close(self) -> None:
        return


class UnmakeableStore(BrokenStore):
    """A store whose constructor has a bug."""

    def __init__(self, config: StoreConfig) -> None:
        super().__init__(config)
        msg = f"cannot log in with {config.secret_file.read()}"
        raise RuntimeError(msg)


class MortalConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mortal:
    """An inspector that dies once, and then lives."""

    api: ClassVar[int] = 1
    Config: ClassVar[type[MortalConfig]] = MortalConfig

    def __init__(self, config: MortalConfig, terms: SourceTerms) -> None:
        self.name = terms.name
        self.lives = 0

    async def run(self, intake: Intake) -> None:
        self.lives += 1
        if self.lives == 1:
            msg = "a bug in an inspector"
            raise KeyError(msg)
        await asyncio.Event().wait()

    def routes(self, intake: Intake, gate: Gatekeeper) -> Sequence[web.RouteDef]:
        async def lives(request: web.Request) -> web.Response:
            gate.admit(request)
            return web.json_response({"lives": self.lives})

        return [web.get("/lives", lives)]
