"""E5: a flood of datagrams leaves nothing behind: nothing is kept of one once it was judged."""

from __future__ import annotations

import gc
import tracemalloc
from collections import deque
from collections.abc import Callable

from doctor_daemon.heartbeat.keys import Algorithm, Key
from tests.heartbeat.beats import beat, datagram
from tests.heartbeat.ear import Ear

ROUNDS = 12_500
EACH = 8
"""Datagrams a round, so 100,000 of them."""
WARM = 500
"""Rounds in which all that is kept of a host comes to be: its gaps, among others."""
SPARE_BYTES = 8192
"""Less than a byte for twelve datagrams."""
HOSTS = tuple(f"cmp-{number}" for number in range(4))
WRONG = Key(1, Algorithm.BLAKE2B, b"another secret of another fleet")

Judge = Callable[[bytes], None]


def play(ear: Ear, judge: Judge, rounds: range) -> None:
    """Have hosts beat every 100 ms, amid datagrams of every kind that is refused."""
    for number in rounds:
        ear.tick(ear.now_s + 0.1)
        said = beat(number + 1, sent_s=ear.now_s, wall_s=ear.wall_s)
        good = [datagram(said, name) for name in HOSTS]
        for sent in (*good, good[-1]):
            judge(sent)
        judge(datagram(said, HOSTS[0], WRONG))
        judge(datagram(said, f"stranger-{number}", WRONG))
        judge(b"no beat of anybody " + b"x" * (number % 100))


def grown(ear: Ear, judge: Judge, rounds: int = ROUNDS) -> int:
    """Return by how many bytes what is allocated has grown over so many rounds."""
    play(ear, judge, range(WARM))
    gc.collect()
    tracemalloc.start()
    try:
        play(ear, judge, range(WARM, WARM + 10))  # what the measure itself needs
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        play(ear, judge, range(WARM + 10, WARM + 10 + rounds))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_e5_nothing_is_kept_of_a_datagram() -> None:
    ear = Ear()

    def judge(sent: bytes) -> None:
        ear.hear(sent)

    assert grown(ear, judge) < SPARE_BYTES
    rounds = WARM + 10 + ROUNDS
    assert ear.hearing.beats == rounds * len(HOSTS)
    wrong = {"replayed": rounds, "forged": 2 * rounds, "malformed": rounds}
    assert dict(ear.hearing.rejected) == wrong
    assert ear.hearing.beats + sum(wrong.values()) == rounds * EACH
    assert len(ear.roll) == len(HOSTS)


def test_e5_what_is_kept_of_a_few_would_be_seen() -> None:
    """The measure is not blind: a thousand datagrams are far too many to be kept."""
    ear, kept, count = Ear(), deque[bytes](), iter(range(10_000_000))

    def judge(sent: bytes) -> None:
        ear.hear(sent)
        if next(count) % 20 == 0:
            kept.append(sent)

    assert grown(ear, judge, ROUNDS // 5) > 4 * SPARE_BYTES
