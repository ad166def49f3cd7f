-- How much went to and came from each partner a day, its circuit breaker, and the greatest head of its ledger that was
-- seen. docs/RECORDS.md explains every column. None of it is evidence: the ledger is.

CREATE TABLE usage (
    partner   TEXT NOT NULL REFERENCES partner (id),
    direction TEXT NOT NULL CHECK (direction IN ('out', 'in')),
    day       TEXT NOT NULL,
    exchanges INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (partner, direction, day)
) STRICT;

CREATE TABLE breaker (
    partner  TEXT PRIMARY KEY REFERENCES partner (id),
    failures INTEGER NOT NULL,
    opened   INTEGER NOT NULL,
    until    INTEGER NOT NULL
) STRICT;

CREATE TABLE witness (
    partner TEXT PRIMARY KEY REFERENCES partner (id),
    size    INTEGER NOT NULL,
    note    TEXT NOT NULL
) STRICT;
