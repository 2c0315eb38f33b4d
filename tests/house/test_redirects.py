"""E4, E6: whoever is asked by HTTP is asked where the configuration says, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Module, modules

ASKING = {"get", "post", "put", "patch", "delete", "head", "request"}
BESIDE = ("doctor_daemon/lab/", "doctor_daemon/cli/")
"""What plays the cloud, and what speaks to the daemon on this machine: no secret goes out there."""


def asked(module: Module) -> Iterator[ast.Call]:
    """Yield every request that a module makes of a session."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ASKING
            and "session" in ast.unparse(node.func.value).lower()
        ):
            yield node


def test_e6_no_request_follows_a_redirect() -> None:
    found = [
        (module, call)
        for module in modules()
        if str(module.path).startswith("doctor_daemon/") and not str(module.path).startswith(BESIDE)
        for call in asked(module)
    ]
    assert len(found) >= 5
    loose = [
        f"{module.path}:{call.lineno}"
        for module, call in found
        if not any(
            word.arg == "allow_redirects"
            and isinstance(word.value, ast.Constant)
            and word.value.value is False
            for word in call.keywords
        )
    ]
    assert loose == []
