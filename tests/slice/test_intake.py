"""Who may speak, as the real daemon has it."""

from __future__ import annotations

import base64
import json
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout

from doctor_daemon.lab import certificates
from doctor_daemon.ports.signature import signatures
from tests.fakes.tls import issued
from tests.slice.process import daemon, kill, ready, started
from tests.slice.site import Site, secret, site

KEY = b"k" * 32
AUTH = {"hmac_files": ["key"]}
SIGNED = {"sources": [{"name": "signed", "type": "evidence", "kind": "script", "auth": AUTH}]}


def statement(now_s: int) -> bytes:
    """Return what a script says of a host."""
    said = {"host": "compute-1", "verdict": "up", "kind": "script", "summary": "seen"}
    observed_at = datetime.fromtimestamp(now_s, UTC).isoformat()
    return json.dumps({"evidence": [{**said, "observed_at": observed_at}]}).encode()


async def post(
    place: Site, body: bytes, signed: dict[str, str], tls: ssl.SSLContext | None = None
) -> int:
    """Send the request; return the status."""
    scheme = "https" if tls else "http"
    url = f"{scheme}://127.0.0.1:{place.evidence_port}/v1/evidence"
    headers = {"Content-Type": "application/json", **signed}
    async with (
        ClientSession(timeout=ClientTimeout(total=10)) as session,
        session.post(url, data=body, headers=headers, ssl=tls or True) as answer,
    ):
        return answer.status


async def test_e2_a_recorded_request_is_refused_by_the_next_daemon(tmp_path: Path) -> None:
    secret(tmp_path / "key", f"whsec_{base64.b64encode(KEY).decode()}")
    async with site(tmp_path, changes=SIGNED) as place:
        now_s = int(time.time())
        body = statement(now_s)
        signed = {
            "webhook-id": "m1",
            "webhook-timestamp": str(now_s),
            "webhook-signature": signatures([KEY], "m1", now_s, body),
        }
        async with started(place) as process:
            await ready(place, process)
            assert await post(place, body, {**signed, "webhook-id": "m2"}) == 401
            assert await post(place, body, signed) == 200
            assert await post(place, body, signed) == 409
            await kill(process)
        async with daemon(place):
            assert await post(place, body, signed) == 409
            _, metrics = await place.get("/metrics")
        assert 'doctor_rejected_total{reason="replayed",source="signed"} 1.0' in metrics
        kept = [place.log, *(tmp_path / "state").iterdir()]
        written = b"".join([file.read_bytes() for file in kept]) + metrics.encode()
        for spelt in (KEY, base64.b64encode(KEY), KEY.hex().encode()):
            assert spelt not in written  # I-16


async def test_e1_over_tls_a_source_shows_its_certificate(tmp_path: Path) -> None:
    made = tmp_path / "tls"
    made.mkdir()
    ca, _ = await certificates.make(made)
    (made / "server.key").chmod(0o600)
    options = {
        "tls": {
            "certificate_file": str(made / "server.pem"),
            "key_file": str(made / "server.key"),
            "client_ca_file": str(ca),
        },
        "sources": [{**SIGNED["sources"][0], "auth": {"certificates": ["dns:monitor"]}}],
    }
    tls = ssl.create_default_context(cafile=ca)
    async with site(tmp_path, changes=options) as place, daemon(place):
        assert await post(place, statement(int(time.time())), {}, tls) == 401
        tls.load_cert_chain(await issued(made))
        assert await post(place, statement(int(time.time())), {}, tls) == 200
