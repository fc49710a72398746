-- step: acts and decisions of one call, which are taken back together; they only grow, over both
-- tables. 0 for those of earlier versions, of which each batch is one.
ALTER TABLE journal ADD COLUMN step BIGINT DEFAULT 0;
ALTER TABLE decisions ADD COLUMN batch VARCHAR DEFAULT '';
ALTER TABLE decisions ADD COLUMN step BIGINT DEFAULT 0;

-- What pictures are to each other that no search has compared, as a review has found: the first
-- digest is the smaller one; version: of the comparison.
CREATE TABLE pair_labels (
    first VARCHAR NOT NULL,
    second VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    PRIMARY KEY (first, second)
);
