-- What is signed is long and written once; an exchange's other columns are short and written at every step. Apart from
-- each other, a step writes a few hundred bytes and not twelve thousand. docs/RECORDS.md explains every column.

CREATE TABLE document (
    exchange           INTEGER PRIMARY KEY REFERENCES exchange (seq),
    manifest           BLOB,
    receipt            BLOB,
    partner_checkpoint TEXT
) STRICT;

INSERT INTO document SELECT seq, manifest, receipt, partner_checkpoint FROM exchange
WHERE manifest IS NOT NULL OR receipt IS NOT NULL OR partner_checkpoint IS NOT NULL;

ALTER TABLE exchange DROP COLUMN manifest;
ALTER TABLE exchange DROP COLUMN receipt;
ALTER TABLE exchange DROP COLUMN partner_checkpoint;

-- An exchange as it is read: always with its documents.
CREATE VIEW whole_exchange AS
SELECT exchange.*, document.manifest, document.receipt, document.partner_checkpoint
FROM exchange LEFT JOIN document ON document.exchange = exchange.seq;
