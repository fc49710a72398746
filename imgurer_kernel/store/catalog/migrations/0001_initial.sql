-- One row. next_image_id only grows, so that the id of a forgotten image is never reused.
CREATE TABLE generation (
    generation BIGINT NOT NULL,
    next_image_id BIGINT NOT NULL
);
INSERT INTO generation VALUES (0, 1);

CREATE TABLE users (
    name VARCHAR PRIMARY KEY,
    role VARCHAR NOT NULL CHECK (role IN ('admin', 'member')),
    password_hash VARCHAR,
    enabled BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    last_seen TIMESTAMP
);

-- Hashes are pairs of UBIGINT because HUGEINT loses bits on its way into pandas.
-- generation: of the last change of the row. All times are UTC, except taken_at, which is
-- the time of the camera's clock.
CREATE TABLE images (
    image_id BIGINT PRIMARY KEY,
    digest VARCHAR NOT NULL UNIQUE,
    dhash_row UBIGINT NOT NULL,
    dhash_col UBIGINT NOT NULL,
    trimmed_row UBIGINT NOT NULL,
    trimmed_col UBIGINT NOT NULL,
    grays BLOB NOT NULL CHECK (octet_length(grays) = 81),
    informative BOOLEAN NOT NULL,
    near_ties BIGINT NOT NULL,
    algorithm VARCHAR NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    format VARCHAR NOT NULL,
    frames BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    orientation BIGINT NOT NULL,
    taken_at TIMESTAMP,
    camera VARCHAR,
    latitude DOUBLE,
    longitude DOUBLE,
    added_at TIMESTAMP NOT NULL,
    generation BIGINT NOT NULL
);

-- 4 KB for each image: in a table of their own, so that other queries need not read them.
CREATE TABLE verification (
    image_id BIGINT PRIMARY KEY,
    grays BLOB NOT NULL CHECK (octet_length(grays) = 4096)
);

-- replaced_at: since when the same source has other bytes; the image is kept.
CREATE TABLE holdings (
    user_name VARCHAR NOT NULL,
    image_id BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    filename VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    brought_at TIMESTAMP NOT NULL,
    replaced_at TIMESTAMP,
    PRIMARY KEY (user_name, image_id, source)
);

-- Images that an index as of an earlier generation must drop.
CREATE TABLE removals (
    image_id BIGINT NOT NULL,
    generation BIGINT NOT NULL
);
