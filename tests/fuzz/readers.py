"""Which modules read bytes from outside: found by what they call, so that none is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Module

CALLS = frozenset(
    {
        *("json.loads", "yaml.safe_load", "yaml.parse", "yaml.compose", "expat.ParserCreate"),
        "ET.fromstring",
        *("datetime.fromisoformat", "b64decode", "bytes.fromhex", "int.from_bytes"),
        *("Found", "parsed", "read_body", "decode"),
    }
)
"""Functions that turn bytes or foreign text into values."""
METHODS = frozenset({"unpack", "unpack_from", "recvfrom", "recvfrom_into", "recv_into"})
HEADERS = frozenset({"headers", "query", "match_info"})
"""What a request is asked for besides its body."""
DEFINES = frozenset({"datagram_received"})


def marks(module: Module) -> Iterator[str]:
    """Yield how a module reads something from outside; nothing: it does not."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=attr) as called) if (
                attr in METHODS or ast.unparse(called) in CALLS
            ):
                yield ast.unparse(called)
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield name
            case ast.Call(func=ast.Name(id="read"), args=[ast.Name(id="request")]):
                yield "read"
            case ast.Attribute(value=ast.Name(id="request"), attr=attr) if attr in HEADERS:
                yield f"request.{attr}"
            case ast.FunctionDef(name=name) if name in DEFINES:
                yield name


def dotted(module: Module) -> str:
    """Return a module's name as it is imported."""
    return ".".join(module.path.with_suffix("").parts)
