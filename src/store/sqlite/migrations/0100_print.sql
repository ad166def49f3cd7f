-- Prints of what partners sent and of what we sent: keyed digests, by which words that came from a partner are found
-- again in what is about to leave. docs/RECORDS.md says what they are of. Of each sender the first exchange is kept; what
-- we sent ourselves has no sender.

CREATE TABLE print (
    print    INTEGER NOT NULL,
    sender   TEXT    NOT NULL,
    exchange INTEGER NOT NULL REFERENCES exchange (seq),
    PRIMARY KEY (print, sender)
) STRICT, WITHOUT ROWID;
