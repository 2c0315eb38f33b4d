"""The record of a way back: what may have been switched on, and which evacuations are left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from doctor_daemon.core.release import Release, Switching
from tests.core.make import OTHER_BOOT, at

WISH = Switching(1, at(0))
BEGUN = replace(WISH, go_at=at(-60))


@pytest.mark.parametrize(
    ("release", "switched"),
    [
        (Release(), False),
        (Release(switching=WISH), False),
        (Release(switching=BEGUN), True),
        (Release(switched_at=at(-0.25)), False),
        (Release(switched_at=at(0)), True),
        (Release(switched_at=at(0.25), switching=WISH), True),
        (Release(switched_at=at(-0.25), switching=WISH), False),
    ],
)
def test_a_host_may_have_been_switched_on_once_a_request_was_begun(
    release: Release, *, switched: bool
) -> None:
    assert release.switched_since(at(0)) is switched


@pytest.mark.parametrize(
    ("switched_s", "proven_s", "kept"),
    [(None, None, False), (None, 0, False), (5, None, True), (5, 0, True), (-5, 0, False)],
)
def test_another_boot_keeps_that_it_was_switched_on_since_the_proof(
    switched_s: float | None, proven_s: float | None, *, kept: bool
) -> None:
    now = at(600, OTHER_BOOT)
    release = Release(switched_at=None if switched_s is None else at(switched_s))
    after = release.on_boot(now, None if proven_s is None else at(proven_s))
    assert after.switched_at == (now if kept else None)


def test_another_boot_times_anew_what_had_a_time_and_nothing_else() -> None:
    now = at(600, OTHER_BOOT)
    timed = Release(lift_at=at(1), awaited_at=at(2), gone_at=at(3), used_at=at(4))
    assert timed.on_boot(now, at(0)) == Release(
        lift_at=now, awaited_at=now, gone_at=now, used_at=now
    )
    assert Release().on_boot(now, at(0)) == Release()
