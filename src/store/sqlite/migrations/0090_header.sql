-- The header of a sealed payload holds its key, and is kept beside what was signed, apart from the payload itself.
-- docs/RECORDS.md says when it goes.

ALTER TABLE document ADD COLUMN header BLOB;

DROP VIEW whole_exchange;

-- An exchange as it is read: always with its documents.
CREATE VIEW whole_exchange AS
SELECT exchange.*, document.manifest, document.receipt, document.partner_checkpoint, document.header
FROM exchange LEFT JOIN document ON document.exchange = exchange.seq;
