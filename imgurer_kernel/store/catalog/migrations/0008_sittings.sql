-- step: number of the call, whose acts and decisions are undone together; ascending over both
-- tables. 0 for rows of earlier versions, which are undone by batch.
ALTER TABLE journal ADD COLUMN step BIGINT DEFAULT 0;
ALTER TABLE decisions ADD COLUMN batch VARCHAR DEFAULT '';
ALTER TABLE decisions ADD COLUMN step BIGINT DEFAULT 0;

-- Labels of pairs of pictures that a review has compared, but no search. The first digest is the
-- smaller one; version: of the comparison.
CREATE TABLE pair_labels (
    first VARCHAR NOT NULL,
    second VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    PRIMARY KEY (first, second)
);
