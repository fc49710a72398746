-- What people decided about pictures; by digest, so that it holds for whatever is taken in again.
-- digests: two for a pair; of a cluster all members, the medoid first.
CREATE TABLE decisions (
    decision_id BIGINT PRIMARY KEY,
    verdict VARCHAR NOT NULL CHECK (verdict IN ('same', 'different', 'later')),
    is_cluster BOOLEAN NOT NULL,
    digests VARCHAR[] NOT NULL,
    user_name VARCHAR NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    reason VARCHAR NOT NULL
);

-- What was done to files: one row for each act, written before it. state: 'intended' until the
-- file has moved and its rows have followed ('entered') and the store's own bytes after them
-- ('done'), or nothing was done ('rolled back'); 'undoing', then 'undone'; 'emptied' for good.
-- batch: the sitting. The keys are absolute paths as the system has them: where the file was and
-- went, and the folders that these are below. device to modified_ns: of the file. other_ids: further
-- rows of it. united_ids: rows by which their owners have the keeper since. leads: the store's note
-- of where the original is led to it.
CREATE TABLE journal (
    entry_id BIGINT PRIMARY KEY,
    batch VARCHAR NOT NULL,
    user_name VARCHAR NOT NULL,
    act VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    begun_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    file_id BIGINT NOT NULL,
    image_id BIGINT NOT NULL,
    owner VARCHAR NOT NULL,
    path VARCHAR,
    filename VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    keeper_id BIGINT NOT NULL,
    keeper_path VARCHAR,
    reason VARCHAR NOT NULL,
    source_key BLOB,
    source_root BLOB,
    target_key BLOB,
    target_root BLOB,
    device UBIGINT,
    inode UBIGINT,
    modified_ns BIGINT NOT NULL,
    other_ids BIGINT[] NOT NULL,
    united_ids BIGINT[] NOT NULL,
    leads BOOLEAN NOT NULL
);

-- Folders that were taken in: the trash folder of what is below is in the outermost of them.
CREATE TABLE roots (
    path_key BLOB PRIMARY KEY,
    noted_at TIMESTAMP NOT NULL
);

-- What was measured on originals for choosing a keeper, as JSON; version: of the measuring.
CREATE TABLE original_facts (
    digest VARCHAR PRIMARY KEY,
    version VARCHAR NOT NULL,
    facts VARCHAR NOT NULL
);
