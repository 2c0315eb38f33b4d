"""The files that a daemon reads its credentials from, as an operator would have laid them out.

`clouds.yaml` is written as JSON, which is YAML. All files are for their owner alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from doctor_daemon.lab.identity import Credential, User

Json = dict[str, Any]
REGION = "RegionOne"
CLOUDS = "clouds.yaml"
BMC_PASSWORD = "bmc-password"  # noqa: S105 - the name of a file


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def clouds(
    auth_url: str, users: Mapping[str, User], credential: Credential, ca: Path | None
) -> str:
    """Write one cloud a user, and one for the application credential, under its name."""
    entries = {name: _by_password(auth_url, user) for name, user in users.items()}
    entries[credential.name] = {
        "auth_type": "v3applicationcredential",
        "auth": {
            "auth_url": auth_url,
            "application_credential_id": credential.id,
            "application_credential_secret": credential.secret,
        },
    }
    more: Json = {"region_name": REGION, "identity_api_version": 3}
    if ca:
        more["cacert"] = str(ca)
    return json.dumps({"clouds": {name: entry | more for name, entry in entries.items()}}, indent=1)


def _by_password(auth_url: str, user: User) -> Json:
    return {
        "auth": {
            "auth_url": auth_url,
            "username": user.name,
            "password": user.password,
            "project_name": user.project.name,
            "user_domain_id": "default",
            "project_domain_id": "default",
        }
    }
