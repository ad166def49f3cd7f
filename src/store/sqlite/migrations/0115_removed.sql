-- A partner that was removed keeps its row: its keys stay on record, so that nobody else ever takes them. docs/RECORDS.md
-- explains every table and column.

-- A constraint that only becomes wider needs no new table; see 0105.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '(''active'', ''suspended'')', '(''active'', ''suspended'', ''removed'')')
WHERE type = 'table' AND name = 'partner';
PRAGMA writable_schema = RESET;
