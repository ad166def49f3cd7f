-- What a request is to serve beyond sharing (ICD 405, D.3), as its submitter signed it: the objective of the guiding document
-- by its id there, whether perspectives are sought, and whether a preferred outcome is supported. docs/RECORDS.md explains
-- every table and column.

ALTER TABLE request ADD COLUMN objective TEXT;
ALTER TABLE request ADD COLUMN engages INTEGER NOT NULL DEFAULT 0 CHECK (engages IN (0, 1));
ALTER TABLE request ADD COLUMN supports_outcome INTEGER NOT NULL DEFAULT 0 CHECK (supports_outcome IN (0, 1));
