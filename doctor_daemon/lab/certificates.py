"""A certificate authority of the lab's own, and one certificate for 127.0.0.1.

Made by the `openssl` command: the lab then needs no library that the daemon does not need. The key
of the authority is thrown away with the folder.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

MAKE_S = 30.0
_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = doctor-daemon lab
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


async def make(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make both in `folder`; return the authority's certificate and a server's context.

    Raises OSError when openssl is absent or fails, TimeoutError when it hangs.
    """
    (folder / "openssl.cnf").write_text(_CONFIG)
    ca = folder / "ca.pem"
    await _request(folder, "ca", ca, ())
    signed_by = ("-CA", str(ca), "-CAkey", str(folder / "ca.key"))
    await _request(folder, "server", folder / "server.pem", signed_by)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return ca, context


async def _request(folder: Path, name: str, out: Path, signed_by: tuple[str, ...]) -> None:
    files = ("-config", str(folder / "openssl.cnf"), "-keyout", str(folder / f"{name}.key"))
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", *_NEW_KEY, *files, "-out", str(out)),
        *("-extensions", name, *signed_by),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), MAKE_S)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise OSError(f"openssl could not make the certificate {name}: {said.decode().strip()}")
