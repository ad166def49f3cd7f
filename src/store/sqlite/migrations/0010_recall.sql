-- Officers' certificates; recalls and replacements; signed statements. docs/RECORDS.md explains every table and column.

-- Certificates of the node's officer authority, PEM, one for each key of the officer.
ALTER TABLE officer ADD COLUMN certificates BLOB NOT NULL DEFAULT x'';

-- The request whose product this one replaces.
ALTER TABLE request ADD COLUMN supersedes TEXT;

-- What an exchange carries, and the earlier exchange that it withdraws or replaces.
ALTER TABLE exchange ADD COLUMN kind TEXT NOT NULL DEFAULT 'product' CHECK (kind IN ('product', 'recall'));
ALTER TABLE exchange ADD COLUMN about TEXT;
-- What became of what it carried: withdrawn, replaced, shown to a reader, handed out.
ALTER TABLE exchange ADD COLUMN recalled INTEGER;
ALTER TABLE exchange ADD COLUMN recall_code TEXT;
ALTER TABLE exchange ADD COLUMN superseded_by TEXT;
ALTER TABLE exchange ADD COLUMN opened INTEGER;
ALTER TABLE exchange ADD COLUMN taken INTEGER;
CREATE INDEX exchange_about ON exchange (about) WHERE about IS NOT NULL;
CREATE INDEX exchange_product ON exchange (partner, product_id, seq) WHERE product_id IS NOT NULL;

-- What officers signed besides approvals: refusals of requests, orders to recall.
CREATE TABLE statement (
    seq     INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('refusal', 'recall')),
    signer  TEXT NOT NULL REFERENCES officer (id),
    bytes   BLOB NOT NULL,
    given   INTEGER NOT NULL,
    UNIQUE (subject, kind)
) STRICT;
