"""The least of an image and a network service that Nova asks for.

One image that nobody reads, and no networks: every server is booted with networks "none".

usage: stub.py PORT
"""

from __future__ import annotations

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ID = "11111111-2222-4333-8444-555555555555"
_IMAGE = {
    "id": _ID,
    "name": "empty",
    "status": "active",
    "visibility": "public",
    "protected": False,
    "container_format": "bare",
    "disk_format": "raw",
    "size": 1048576,
    "virtual_size": 1048576,
    "min_disk": 0,
    "min_ram": 0,
    "tags": [],
    "checksum": "d41d8cd98f00b204e9800998ecf8427e",
    "owner": None,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "self": f"/v2/images/{_ID}",
    "file": f"/v2/images/{_ID}/file",
    "schema": "/v2/schemas/image",
    "os_hidden": False,
}
_SCHEMA = {
    "name": "image",
    "properties": {key: {} for key in _IMAGE},
    "additionalProperties": {"type": ["string", "null"]},
}


def _versions(number: str, address: str) -> dict[str, object]:
    links = [{"rel": "self", "href": address}]
    return {"versions": [{"id": number, "status": "CURRENT", "links": links}]}


def answer(path: str, root: str) -> tuple[int, dict[str, object]]:
    """Status and body for a GET."""
    fixed: dict[str, tuple[int, dict[str, object]]] = {
        "/image": (300, _versions("v2.9", root + "/image/v2/")),
        "/image/versions": (200, _versions("v2.9", root + "/image/v2/")),
        "/image/v2/images": (200, {"images": [_IMAGE]}),
        f"/image/v2/images/{_ID}": (200, dict(_IMAGE)),
        "/image/v2/schemas/image": (200, dict(_SCHEMA)),
        "/network": (200, _versions("v2.0", root + "/network/v2.0/")),
    }
    empty = re.fullmatch(r"/network/v2\.0/([a-z-]+)", path)
    if empty:
        return 200, {empty[1].replace("-", "_"): []}
    return fixed.get(path, (404, {"error": {"message": f"the stub has no {path}"}}))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0].rstrip("/")
        self._send(*answer(path, f"http://{self.headers['Host']}"))

    def do_DELETE(self) -> None:
        self._send(404, {"NeutronError": {"message": "not here"}})

    def _send(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
