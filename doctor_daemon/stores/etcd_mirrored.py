"""The rows that a daemon which stands by has of etcd, each read as it came."""

from __future__ import annotations

from doctor_daemon.errors import Permanent
from doctor_daemon.stores.etcd_json import coded
from doctor_daemon.stores.etcd_putting import NAMED_MAX, Found, read
from doctor_daemon.stores.etcd_schema import check_schema

Row = tuple[bytes, int, Found]
"""A value, the revision that wrote it, and what it says; nothing, where it cannot be read."""


class Mirrored:
    """All rows below a prefix, by their keys."""

    def __init__(self, prefix: str, schema: int) -> None:
        """Begin empty. `schema`: the newest that can be read."""
        self.rows: dict[str, Row] = {}
        self._unread: dict[str, str] = {}
        self._prefix, self._schema = prefix, schema

    @property
    def lacking(self) -> str:
        """Which value cannot be read, the first of them, and why; empty: all can."""
        if not self._unread:
            return ""
        key, why = next(iter(self._unread.items()))
        return f"etcd: {key[:NAMED_MAX]}: {why}"

    def put(self, key: str, value: bytes, revision: int) -> None:
        """Take a row. Raise Permanent for a schema that we do not know."""
        if key == "schema":  # it may become another while we follow
            check_schema({"value": coded(value)}, self._prefix, self._schema)
        self._unread.pop(key, None)
        found: Found = None
        try:
            found = read(key, value)
        except Permanent as error:
            self._unread[key] = str(error)
        self.rows[key] = value, revision, found

    def drop(self, key: str) -> None:
        """Have this row no more."""
        self.rows.pop(key, None)
        self._unread.pop(key, None)
