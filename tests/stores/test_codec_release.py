"""The way back of a host as it is saved: what is noted of it, and what older daemons did not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from doctor_daemon.core.release import Release, Switching
from doctor_daemon.stores.codec import HEAD, dump_head
from tests.stores.test_codec import bare
from tests.stores.values import at, rich

NOTED = ("switched_at", "awaited_at", "gone_at", "used_at", "lift_at")
WISHED = ("sent", "said", "failures", "not_before")


def test_what_is_noted_of_others_hands_and_of_our_own_is_saved() -> None:
    wish = Switching(2, at(8), sent=True, said="bmc: 503", failures=1, not_before=at(60))
    release = Release(switching=wish, switched_at=at(1), awaited_at=at(2))
    release = replace(release, gone_at=at(3), used_at=at(4), lift_at=at(5))
    made = replace(rich(), release=release)
    assert HEAD.loads(dump_head(made)) == bare(made)


def test_heads_from_before_that_was_noted_are_read_still() -> None:
    made = replace(rich(), release=Release(began=at(8), switching=Switching(1, at(8))))
    head: Any = json.loads(dump_head(made))
    for name in NOTED:
        del head["value"]["release"][name]
    for name in WISHED:
        del head["value"]["release"]["switching"][name]
    assert HEAD.loads(json.dumps(head)) == bare(made)
