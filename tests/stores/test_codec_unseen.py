"""What older versions wrote of how Nova shows a host is read by this one."""

from __future__ import annotations

import json
from typing import Any

from doctor_daemon.stores.codec import HEAD
from tests.stores.test_codec import bare
from tests.stores.values import rich


def test_d8_heads_from_before_a_host_could_drop_out_of_view_are_read_still() -> None:
    now = bare(rich())
    document: Any = json.loads(HEAD.dumps(now))
    for name in ("reported_at", "unseen"):
        del document["value"][name]
    del document["value"]["marking"]["late_at"]
    assert HEAD.loads(json.dumps(document)) == now
