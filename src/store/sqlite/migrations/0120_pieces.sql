-- The digests of the pieces of a long sealed payload, by which each piece is held against what was sealed before it
-- leaves. docs/RECORDS.md says when they go.

ALTER TABLE document ADD COLUMN pieces BLOB;

DROP VIEW whole_exchange;

-- An exchange as it is read: always with its documents.
CREATE VIEW whole_exchange AS
SELECT exchange.*, document.manifest, document.receipt, document.partner_checkpoint, document.header, document.pieces
FROM exchange LEFT JOIN document ON document.exchange = exchange.seq;
