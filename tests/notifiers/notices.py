"""Notices, rows of the outbox, and a webhook that delivers them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from doctor_daemon.core.host import HostId, Server, ServerId
from doctor_daemon.core.incident import IncidentId, NoticeKind
from doctor_daemon.core.notices import OPERATORS, Notice
from doctor_daemon.notifiers.audience import Audience
from doctor_daemon.notifiers.doctor import Doctor
from doctor_daemon.notifiers.webhook import Webhook
from doctor_daemon.ports import NoticeRow
from doctor_daemon.ports.secrets import SecretFile

PROJECT = "6f70656e737461636b2070726f6a6563"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(100, 124))).decode()


def server(number: int = 1, name: str = "web-1", project: str = PROJECT) -> Server:
    return Server(ServerId(f"0a8c2f6e-0000-4000-8000-{number:012d}"), name, project, "ACTIVE")


def notice(**changes: Any) -> Notice:  # noqa: ANN401 - any field
    """Return a project's notice; everything in it that is for operators alone names the host."""
    fields: dict[str, Any] = {
        "kind": NoticeKind.SUSPECTED,
        "incident": IncidentId("4f1a9c0de2b7"),
        "host": HostId("default", "cmp-7.rack-2.example"),
        "project": PROJECT,
        "servers": (server(),),
        "servers_wall_s": 1_795_000_000.25,
        "fenced": "pending",
        "text": "am says down: cmp-7.rack-2.example (10.20.30.40) has been gone for 30 s",
        "entry": 1,
        "wall_s": 1_795_000_030.5,
    }
    return Notice(**{**fields, **changes})


def for_operators(**changes: Any) -> Notice:  # noqa: ANN401 - any field
    return notice(project=OPERATORS, **changes)


def row(body: str = '{"specversion":"1.0"}', **changes: Any) -> NoticeRow:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "id": "msg_0123456789abcdef0123456789abcdef",
        "consumer": "vnfm",
        "project": PROJECT,
        "host": HostId("default", "cmp-7"),
        "incident": IncidentId("4f1a9c0de2b7"),
        "kind": "suspected",
        "sequence": 3,
        "body": body,
    }
    return NoticeRow(**{**fields, **changes})


def secret(folder: Path, text: str, name: str = "secret") -> SecretFile:
    file = folder / name
    file.write_text(text + "\n", encoding="utf-8")
    file.chmod(0o600)
    return SecretFile(file)


@asynccontextmanager
async def webhook(
    url: str,
    folder: Path,
    **options: Any,  # noqa: ANN401 - any option
) -> AsyncIterator[Webhook]:
    """Open a webhook for a URL, with a time-out that a test can wait for."""
    fields: dict[str, Any] = {
        "url": url,
        "secret_file": secret(folder, SECRET),
        "audience": Audience(operators=True, projects="all"),
        "timeout_s": 0.5,
    }
    made = Webhook(Webhook.Config(**{**fields, **options}), "vnfm")
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def doctor(
    url: str,
    **options: Any,  # noqa: ANN401 - any option
) -> AsyncIterator[Doctor]:
    """Open a doctor consumer for a URL, with a time-out that a test can wait for."""
    fields: dict[str, Any] = {
        "url": url,
        "audience": Audience(projects="all"),
        "timeout_s": 0.5,
    }
    made = Doctor(Doctor.Config(**{**fields, **options}), "vnfm")
    try:
        yield made
    finally:
        await made.close()
