"""What an agent tells systemd, where that has started it."""

from __future__ import annotations

import os
import socket


def tell_systemd(text: str) -> None:
    """Send what systemd waits for, where it started us. sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
        try:
            made.sendto(text.encode(), name)
        except OSError:
            return  # full, or gone: what matters is sent again
