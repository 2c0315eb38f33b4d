"""Small plug-ins that keep the convention, and some that do not, for the loader to find."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from doctor_daemon.ports import SecretFile


class Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BmcConfig(Plain):
    url: str
    username: str = "admin"
    password_file: SecretFile
    verify: bool = True
    timeout_s: Annotated[float, Field(gt=0)] = 10.0
    tags: tuple[str, ...] = ()

    @field_validator("url")
    @classmethod
    def _https(cls, value: str) -> str:
        if not value.startswith("https://"):
            msg = "expected a URL that begins with https://"
            raise ValueError(msg)
        return value


class Bmc:
    api: ClassVar[int] = 1
    Config: ClassVar[type[BmcConfig]] = BmcConfig


class Match(Plain):
    label: str = "host"


class MonitorConfig(Plain):
    host_labels: tuple[str, ...] = ("host",)
    match: Match = Match()
    path: str | None = None


class Monitor:
    api: ClassVar[int] = 1
    Config: ClassVar[type[MonitorConfig]] = MonitorConfig


class Eye:
    api: ClassVar[int] = 1
    served: ClassVar[bool] = False
    Config: ClassVar[type[Plain]] = Plain


class HookConfig(Plain):
    url: str
    secret_file: SecretFile


class Hook:
    api: ClassVar[int] = 1
    Config: ClassVar[type[HookConfig]] = HookConfig


class CloudConfig(Plain):
    cloud: str = "admin"
    read_timeout_s: float = 75.0
    force_down_timeout_s: float = 30.0


class Cloud:
    api: ClassVar[int] = 1
    Config: ClassVar[type[CloudConfig]] = CloudConfig


class ShelfConfig(Plain):
    path: str = "/nowhere"


class Shelf:
    api: ClassVar[int] = 1
    Config: ClassVar[type[ShelfConfig]] = ShelfConfig


class OldApi:
    api: ClassVar[int] = 0
    Config: ClassVar[type[Plain]] = Plain


class NoConfig:
    api: ClassVar[int] = 1


class Loose:
    api: ClassVar[int] = 1

    class Config(BaseModel):
        """Frozen, but a misspelt option would be swallowed."""

        model_config = ConfigDict(frozen=True)


def no_class() -> None:
    """Stand where a class is expected."""
