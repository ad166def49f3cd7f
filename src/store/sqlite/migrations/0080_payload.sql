-- A short sealed payload stands beside its exchange's row and becomes durable with it; a long one is a file in the
-- spool. docs/RECORDS.md says when it goes.

CREATE TABLE payload (
    exchange INTEGER PRIMARY KEY REFERENCES exchange (seq),
    bytes    BLOB NOT NULL
) STRICT;
