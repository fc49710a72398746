-- Decisions of users about pictures; by digest, so that they apply to images ingested again.
-- digests: two for a pair; all members of a cluster, the medoid first.
CREATE TABLE decisions (
    decision_id BIGINT PRIMARY KEY,
    verdict VARCHAR NOT NULL CHECK (verdict IN ('same', 'different', 'later')),
    is_cluster BOOLEAN NOT NULL,
    digests VARCHAR[] NOT NULL,
    user_name VARCHAR NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    reason VARCHAR NOT NULL
);

-- Acts on files: one row for each, written before the act. state: 'intended' until the file was
-- moved; 'entered' after its rows were moved, too; 'done' after the store's own bytes; 'rolled back'
-- if nothing was done; 'undoing', then 'undone'; 'emptied' after the file was deleted.
-- batch: the sitting. The keys are the bytes of absolute paths: source and target of the file, and
-- the folders above them. device to modified_ns: facts of the file. other_ids: further rows of it.
-- united_ids: rows that were added for its owners, with the keeper's image. leads: whether the
-- store's note of the original had the path of the file.
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

-- Root folders of ingests: the trash folder of a file is in the outermost of those above it.
CREATE TABLE roots (
    path_key BLOB PRIMARY KEY,
    noted_at TIMESTAMP NOT NULL
);

-- Measurements of originals, to choose a keeper, as JSON; version: of the method.
CREATE TABLE original_facts (
    digest VARCHAR PRIMARY KEY,
    version VARCHAR NOT NULL,
    facts VARCHAR NOT NULL
);
