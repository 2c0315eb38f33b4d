"""Records that were written before something was known are read still."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from doctor_daemon.core.release import Release, Switching
from doctor_daemon.stores.codec import EVACUATION, HEAD, SERVER, dump_head
from tests.stores.test_codec import bare
from tests.stores.values import at, evacuation, rich


def test_d8_records_from_before_servers_could_wait_for_a_word_are_read_still() -> None:
    now = replace(evacuation("a"), unsent=0, sent_at=None, hold_until=None)
    document: Any = json.loads(EVACUATION.dumps(now))
    for name in ("unsent", "sent_at", "hold_until"):
        del document["value"][name]
    assert EVACUATION.loads(json.dumps(document)) == now


def test_d8_records_from_before_a_destination_could_die_are_read_still() -> None:
    now = replace(evacuation("a"), to_at=None, left=())
    document: Any = json.loads(EVACUATION.dumps(now))
    for name in ("to_at", "left"):
        del document["value"][name]
    assert EVACUATION.loads(json.dumps(document)) == now


def test_d8_records_from_before_tags_were_read_are_read_still() -> None:
    now = evacuation("a")
    document: Any = json.loads(EVACUATION.dumps(now))
    for name in ("rank", "final"):
        del document["value"][name]
    for name in ("locked", "volume", "tags", "unread"):
        del document["value"]["server"][name]
    assert EVACUATION.loads(json.dumps(document)) == now
    assert (
        SERVER.loads(json.dumps({**document, "value": document["value"]["server"]})) == now.server
    )
    head: Any = json.loads(dump_head(rich()))
    del head["value"]["rounds"]["tagged"]
    assert HEAD.loads(json.dumps(head)) == bare(rich())


def test_heads_from_before_a_release_could_begin_by_itself_are_read_still() -> None:
    made = replace(rich(), release=Release(began=at(8), switching=Switching(1, at(8))))
    head: Any = json.loads(dump_head(made))
    for name in ("ordered", "returns", "powered", "called_off", "accused_at", "bound", "accepted"):
        del head["value"]["release"][name]
    del head["value"]["release"]["switching"]["patient"]
    assert HEAD.loads(json.dumps(head)) == bare(made)


def test_heads_from_before_hosts_were_taken_out_are_read_still() -> None:
    head: Any = json.loads(dump_head(rich()))
    del head["value"]["retirement"]
    assert HEAD.loads(json.dumps(head)) == replace(bare(rich()), retirement=None)
