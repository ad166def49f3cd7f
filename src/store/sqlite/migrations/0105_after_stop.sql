-- What was stopped and delivered all the same has a state of its own, and what was let go and not answered is remembered
-- until it is. docs/RECORDS.md explains both.

ALTER TABLE exchange ADD COLUMN unanswered INTEGER;
CREATE INDEX exchange_unanswered ON exchange (partner, next_attempt) WHERE unanswered IS NOT NULL;

-- A constraint that only becomes wider needs no new table; see "Making Other Kinds Of Table Schema Changes" in SQLite's
-- documentation of ALTER TABLE.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''delivered'',', '''delivered'', ''delivered-after-stop'',')
WHERE type = 'table' AND name = 'exchange';
PRAGMA writable_schema = RESET;
