"""The tables of the database, as each version of the schema has added to the one before."""

from __future__ import annotations

_FIRST = (
    """CREATE TABLE meta (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        term INTEGER NOT NULL,
        armed TEXT,
        boot_id TEXT, boot_s REAL, wall_s REAL)""",
    "INSERT INTO meta (one, term) VALUES (1, 0)",
    """CREATE TABLE incidents (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        phase TEXT NOT NULL, version INTEGER NOT NULL,
        opened_wall_s REAL NOT NULL,
        ended_wall_s REAL, -- NULL: it is open
        head TEXT NOT NULL)""",
    # At most one open incident a host, whoever asks.
    "CREATE UNIQUE INDEX open_incidents ON incidents (cloud, host) WHERE ended_wall_s IS NULL",
    "CREATE INDEX ended_incidents ON incidents (ended_wall_s, seq)",
    "CREATE INDEX incidents_of_host ON incidents (cloud, host, seq)",
    """CREATE TABLE entries (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, seq)) WITHOUT ROWID""",
    """CREATE TABLE servers (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, id)) WITHOUT ROWID""",
    """CREATE TABLE charges (
        incident TEXT NOT NULL, number INTEGER NOT NULL, domain TEXT NOT NULL,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL,
        PRIMARY KEY (incident, number))""",
    """CREATE TABLE notices (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        consumer TEXT NOT NULL, project TEXT NOT NULL,
        cloud TEXT NOT NULL, host TEXT NOT NULL, incident TEXT NOT NULL,
        kind TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
        gap_before INTEGER NOT NULL,
        made_at TEXT, evidence_at TEXT, made_wall_s REAL,
        UNIQUE (consumer, cloud, host, sequence))""",
    "CREATE INDEX pending_notices ON notices (seq) WHERE state = 'pending'",
    "CREATE INDEX notices_of_incident ON notices (incident)",
    # Apart from the notices, which are pruned: a sequence goes on for ever.
    """CREATE TABLE sequences (
        consumer TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (consumer, cloud, host)) WITHOUT ROWID""",
    # What was said, folded; `evidence_keys` tells which events said it.
    """CREATE TABLE evidence (
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, summary TEXT NOT NULL, incident TEXT,
        first TEXT NOT NULL, last TEXT NOT NULL, last_wall_s REAL NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (cloud, host, source, fingerprint))""",
    """CREATE TABLE evidence_keys (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        cloud TEXT NOT NULL, host TEXT NOT NULL,
        source TEXT NOT NULL, fingerprint TEXT NOT NULL,
        verdict TEXT NOT NULL, incident TEXT,
        boot_id TEXT NOT NULL, boot_s REAL NOT NULL, wall_s REAL NOT NULL)""",
    """CREATE TABLE maintenance (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID""",
)

_SECOND = (
    """CREATE TABLE evacuations (
        incident TEXT NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        server TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (incident, server)) WITHOUT ROWID""",
    # 1: it was given up, and an operator has had it told once more, behind its successors.
    "ALTER TABLE notices ADD COLUMN late INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX dead_notices ON notices (seq, consumer) WHERE state = 'dead'",
)

_THIRD = (
    # What consumers were last told of a host in Nova's MAINTENANCE: it is no incident.
    """CREATE TABLE upkeep (
        cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (cloud, host)) WITHOUT ROWID""",
)

_FOURTH = (
    # Operators' orders about Cinder, and tasks about cinder-volumes of fenced hosts.
    """CREATE TABLE volume_records (
        kind TEXT NOT NULL, number INTEGER NOT NULL,
        over INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, number)) WITHOUT ROWID""",
)

_FIFTH = (
    # What is done for a host beside its incidents: about its ports, and about a host in reserve.
    """CREATE TABLE host_tasks (
        kind TEXT NOT NULL, cloud TEXT NOT NULL, host TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (kind, cloud, host)) WITHOUT ROWID""",
)

_SIXTH = (
    # Signed requests that have come, and up to which second they are known without their names.
    """CREATE TABLE spent (
        source TEXT NOT NULL, nonce TEXT NOT NULL, signed_s INTEGER NOT NULL,
        PRIMARY KEY (source, nonce)) WITHOUT ROWID""",
    "CREATE INDEX spent_by_age ON spent (source, signed_s)",
    """CREATE TABLE spent_floors (
        source TEXT PRIMARY KEY, signed_s INTEGER NOT NULL) WITHOUT ROWID""",
)

_SEVENTH = (
    # The audit: lines in a chain, and its two ends, by which it is known whether some are gone.
    """CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE, at_wall_s REAL NOT NULL,
        hash TEXT NOT NULL, body TEXT NOT NULL)""",
    """CREATE TABLE audit_ends (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        dropped INTEGER NOT NULL, dropped_hash TEXT NOT NULL,
        last INTEGER NOT NULL, last_hash TEXT NOT NULL)""",
    """INSERT INTO audit_ends
        SELECT 1, 0, hash, 0, hash FROM (SELECT lower(hex(zeroblob(32))) AS hash)""",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH)
"""Schema n is made from schema n - 1 by the n-th of these. One that was released never changes."""
