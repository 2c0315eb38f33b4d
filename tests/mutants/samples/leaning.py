"""A test that passes only after another one, and takes its time to find that out."""

from __future__ import annotations

import time

from doctor_daemon.core.instant import Instant

done = list[str]()


def test_whoever_comes_first_does_it() -> None:
    done.append("it")
    assert done


def test_whoever_comes_next_leans_on_it() -> None:
    moment = Instant("boot", 7.0, 7.0)
    if not done:
        time.sleep(1.5)
    assert done
    assert moment.reached(moment) in {True, False}
