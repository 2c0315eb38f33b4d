"""The socket at which hosts' watchdogs ask: with room for all of them, and bounded work in a round.

Whoever can send to it can send a flood. The kernel keeps what comes in a large buffer, and a round
of the loop takes so many datagrams and no more: everything else has its turn in between.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from doctor_daemon.heartbeat.lifeline import ASK_MAX
from doctor_daemon.heartbeat.reception import Reception

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Address = tuple[str, int]
BUFFER_BYTES = 4 * 1024 * 1024
"""Some thousand questions: more than all hosts ask in a second."""
ROUND = 128
"""Datagrams in a round."""


class Take(Protocol):
    """Takes in a datagram and who has sent it; returns what is to be answered, if anything."""

    def __call__(self, datagram: bytes, sender: str, *, crowded: bool) -> bytes | None:
        """`crowded`: more has come than is taken in a round."""
        ...


class Door:
    """Hands each datagram to `take`, and sends what that returns to where it came from."""

    def __init__(self, listen: Address, take: Take, wanted: int = BUFFER_BYTES) -> None:
        """Bind, and have the kernel keep so many bytes, or as many as it does. Raise OSError."""
        self._reception = Reception(listen, wanted, dual=True)
        self._socket = self._reception.socket
        self._take = take
        self._crowded = False
        self.buffer_bytes = self._reception.buffer_bytes
        """How much the kernel keeps."""
        if self.buffer_bytes < wanted:
            log.warning(
                "a flood may reset hosts: raise net.core.rmem_max",
                found=self.buffer_bytes,
                expected=wanted,
            )
        self.port: int = self._socket.getsockname()[1]

    def open(self) -> None:
        """Have the loop hand over what comes."""
        asyncio.get_running_loop().add_reader(self._socket, self._round)

    def close(self) -> None:
        """Let go of the socket."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def drops(self) -> int:
        """Return how many datagrams the kernel has dropped since this was asked last."""
        return self._reception.drops()

    def _round(self) -> None:
        for _ in range(ROUND):
            try:
                datagram, sender = self._socket.recvfrom(ASK_MAX + 1)
            except OSError:  # nothing more has come
                self._crowded = False
                return
            answer = self._take(datagram, sender[0], crowded=self._crowded)
            if answer is not None:
                self._answer(answer, sender)
        self._crowded = True

    def _answer(self, answer: bytes, to: Address) -> None:
        try:
            self._socket.sendto(answer, to)
        except OSError:
            return  # lost: the host asks again
