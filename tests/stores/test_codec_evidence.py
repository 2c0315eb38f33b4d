"""What is kept of evidence comes back, and what older versions kept of it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from doctor_daemon.core.evidence import Serial
from doctor_daemon.stores.codec import HEAD
from tests.stores.test_codec import bare
from tests.stores.values import rich


def test_a7_the_count_of_a_source_is_kept_over_a_restart() -> None:
    incident = bare(rich())
    words = {name: replace(word, serial=Serial(3, 7)) for name, word in incident.words.items()}
    counted = replace(incident, words=words)
    assert words
    assert HEAD.loads(HEAD.dumps(counted)) == counted


def test_d8_words_from_before_sources_counted_are_read_still() -> None:
    incident = bare(rich())
    words = {name: replace(word, serial=None) for name, word in incident.words.items()}
    document: Any = json.loads(HEAD.dumps(replace(incident, words=words)))
    for word in document["value"]["words"].values():
        del word["serial"]
    assert HEAD.loads(json.dumps(document)) == replace(incident, words=words)


def test_d8_heads_from_before_kinds_could_contradict_are_read_still() -> None:
    incident = replace(bare(rich()), contradicted_at=None)
    document: Any = json.loads(HEAD.dumps(incident))
    del document["value"]["contradicted_at"]
    assert HEAD.loads(json.dumps(document)) == incident
    contradicted = replace(incident, contradicted_at=incident.opened_at)
    assert HEAD.loads(HEAD.dumps(contradicted)) == contradicted


def test_d8_heads_from_before_nova_compute_could_be_down_alone_are_read_still() -> None:
    incident = replace(bare(rich()), service_since=None)
    document: Any = json.loads(HEAD.dumps(incident))
    del document["value"]["service_since"]
    assert HEAD.loads(json.dumps(document)) == incident
    lone = replace(incident, service_since=incident.opened_at)
    assert HEAD.loads(HEAD.dumps(lone)) == lone
