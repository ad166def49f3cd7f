-- Submissions are signed statements too, and what a statement may say is for the program alone; what officers' records declare
-- of namesakes. docs/RECORDS.md explains every table and column.

CREATE TABLE statement_new (
    seq     INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL,
    signer  TEXT NOT NULL REFERENCES officer (id),
    bytes   BLOB NOT NULL,
    given   INTEGER NOT NULL,
    UNIQUE (subject, kind)
) STRICT;
INSERT INTO statement_new SELECT seq, subject, kind, signer, bytes, given FROM statement;
DROP TABLE statement;
ALTER TABLE statement_new RENAME TO statement;

-- Of which other records this one is another person's, and of which the same person's: a JSON object.
ALTER TABLE officer ADD COLUMN declared TEXT NOT NULL DEFAULT '{}';
