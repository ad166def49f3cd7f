-- The first layout. docs/RECORDS.md explains every table and column.
-- Times are Unix milliseconds; digests are 32 bytes; words are the ones in the code.

CREATE TABLE node (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    id                TEXT NOT NULL,
    ledger_key        TEXT NOT NULL,
    created           INTEGER NOT NULL,
    clock_high        INTEGER NOT NULL,
    generation        INTEGER NOT NULL,
    roster_generation INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger (
    n       INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    bytes   BLOB NOT NULL
) STRICT;
CREATE INDEX ledger_subject ON ledger (subject, n);

CREATE TABLE ledger_hash (
    position INTEGER PRIMARY KEY,
    hash     BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The head, and one earlier checkpoint for about every 256 entries.
CREATE TABLE head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

-- These stop mistakes, not intruders: an intruder is found by the hashes.
CREATE TRIGGER ledger_never_altered BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER ledger_never_deleted BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER ledger_hash_never_altered BEFORE UPDATE ON ledger_hash BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;
CREATE TRIGGER ledger_hash_never_deleted BEFORE DELETE ON ledger_hash BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END;

CREATE TABLE partner (
    id          TEXT PRIMARY KEY,
    state       TEXT NOT NULL CHECK (state IN ('active', 'suspended')),
    description BLOB NOT NULL,
    agreement   BLOB NOT NULL,
    crl         BLOB NOT NULL,
    added       INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

CREATE TABLE officer (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    public_key  TEXT NOT NULL UNIQUE,
    roles       TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
    added       INTEGER NOT NULL,
    changed     INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

CREATE TABLE setting (
    name    TEXT PRIMARY KEY,
    value   BLOB NOT NULL,
    changed INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
    seq            INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    product_digest BLOB NOT NULL CHECK (length(product_digest) = 32),
    product_id     TEXT NOT NULL,
    product        TEXT,
    submitter      TEXT NOT NULL,
    purpose        TEXT NOT NULL,
    basis          TEXT NOT NULL,
    precedence     INTEGER NOT NULL CHECK (precedence BETWEEN 0 AND 3),
    expires        INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('open', 'approved', 'refused', 'expired', 'cancelled')),
    reason         TEXT,
    version        INTEGER NOT NULL
) STRICT;
CREATE INDEX request_state ON request (state, seq);

CREATE TABLE exchange (
    seq                INTEGER PRIMARY KEY,
    id                 TEXT NOT NULL UNIQUE,
    direction          TEXT NOT NULL CHECK (direction IN ('out', 'in')),
    partner            TEXT NOT NULL REFERENCES partner (id),
    request            TEXT REFERENCES request (id),
    state              TEXT NOT NULL,
    precedence         INTEGER NOT NULL CHECK (precedence BETWEEN 0 AND 3),
    cut_digest         BLOB CHECK (cut_digest IS NULL OR length(cut_digest) = 32),
    cut_size           INTEGER,
    marking            TEXT,
    product_id         TEXT,
    title              TEXT,
    title_marking      TEXT,
    subjects           TEXT NOT NULL,
    contact            TEXT,
    purpose            TEXT,
    manifest           BLOB,
    payload            TEXT UNIQUE,
    payload_size       INTEGER,
    payload_digest     BLOB CHECK (payload_digest IS NULL OR length(payload_digest) = 32),
    attempts           INTEGER NOT NULL,
    next_attempt       INTEGER NOT NULL,
    expires            INTEGER NOT NULL,
    created            INTEGER NOT NULL,
    updated            INTEGER NOT NULL,
    receipt            BLOB,
    partner_checkpoint TEXT,
    refusal            TEXT,
    reason             TEXT,
    policy_digest      BLOB CHECK (policy_digest IS NULL OR length(policy_digest) = 32),
    register_digest    BLOB CHECK (register_digest IS NULL OR length(register_digest) = 32),
    lease_owner        TEXT,
    lease_until        INTEGER,
    version            INTEGER NOT NULL,
    CHECK ((direction = 'out' AND state IN ('requested', 'held', 'approved', 'queued', 'sending', 'delivered',
                                            'refused', 'parked', 'cancelled', 'expired'))
        OR (direction = 'in' AND state IN ('offered', 'receiving', 'received', 'taken', 'quarantined', 'refused'))),
    CHECK ((payload IS NULL) = (payload_size IS NULL) AND (payload IS NULL) = (payload_digest IS NULL)),
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT;
CREATE INDEX exchange_state ON exchange (state, partner, precedence DESC, seq);
CREATE INDEX exchange_partner ON exchange (partner, seq);
CREATE INDEX exchange_request ON exchange (request, seq);
CREATE INDEX exchange_lease ON exchange (lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE approval (
    seq       INTEGER PRIMARY KEY,
    request   TEXT NOT NULL REFERENCES request (id),
    exchange  TEXT NOT NULL REFERENCES exchange (id),
    officer   TEXT NOT NULL REFERENCES officer (id),
    statement BLOB NOT NULL,
    given     INTEGER NOT NULL,
    UNIQUE (exchange, officer)
) STRICT;
CREATE INDEX approval_request ON approval (request, seq);

-- The knowledge store's index; rowid is the exchange's seq.
CREATE VIRTUAL TABLE record USING fts5 (
    title, subjects, purpose, partner, contact, marking, product,
    tokenize = "unicode61 remove_diacritics 2"
);
