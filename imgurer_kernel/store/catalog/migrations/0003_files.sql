-- The files of users: the unit that users see, whereas images (digests) are compared. A file has
-- one live row; its earlier contents have rows with replaced_at.
-- path_key: the bytes of the absolute path, which identify a file; path is text to be shown.
-- modified_ns 0: a file without a path. device and inode: NULL if they are not known.
-- source_state: state of the file at its path at the last scan; state: whether its bytes are there.
CREATE TABLE files (
    file_id BIGINT PRIMARY KEY,
    image_id BIGINT NOT NULL,
    user_name VARCHAR NOT NULL,
    path VARCHAR,
    path_key BLOB,
    filename VARCHAR NOT NULL,
    kept VARCHAR NOT NULL CHECK (kept IN ('upload', 'copy', 'link', 'reference')),
    bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    device UBIGINT,
    inode UBIGINT,
    taken_in TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL,
    state VARCHAR NOT NULL CHECK (state IN ('present', 'missing', 'changed')),
    source_state VARCHAR CHECK (source_state IN ('present', 'missing', 'changed')),
    replaced_at TIMESTAMP
);

-- Moves and changes of content: the earlier path and image of the file.
CREATE TABLE file_history (
    file_id BIGINT NOT NULL,
    "at" TIMESTAMP NOT NULL,
    event VARCHAR NOT NULL,
    path VARCHAR,
    image_id BIGINT NOT NULL
);

-- Holdings have no mode of their original: schema.py marks references afterwards. Imported holdings
-- have the path of another machine and no time: text to be shown, but no path_key.
INSERT INTO files BY NAME
SELECT row_number() OVER (ORDER BY brought_at, user_name, image_id, source) AS file_id,
    image_id, user_name,
    CASE WHEN source NOT LIKE 'upload:%' AND source NOT LIKE 'recovered:%' THEN source END AS path,
    CASE WHEN modified_ns > 0 THEN encode(source) END AS path_key,
    filename,
    CASE WHEN modified_ns > 0 THEN 'copy' ELSE 'upload' END AS kept,
    bytes, modified_ns, brought_at AS taken_in, coalesce(replaced_at, brought_at) AS last_seen,
    CASE WHEN replaced_at IS NULL THEN 'present' ELSE 'changed' END AS state,
    CASE WHEN modified_ns = 0 THEN NULL WHEN replaced_at IS NULL THEN 'present' ELSE 'changed' END
        AS source_state,
    replaced_at
FROM holdings;
DROP TABLE holdings;

ALTER TABLE generation ADD COLUMN next_file_id BIGINT DEFAULT 1;
UPDATE generation SET next_file_id = (SELECT coalesce(max(file_id), 0) + 1 FROM files);

-- False while none of its files is present: searches and clusters leave the image out.
-- inactive_since: the beginning of that.
ALTER TABLE images ADD COLUMN active BOOLEAN DEFAULT true;
ALTER TABLE images ADD COLUMN inactive_since TIMESTAMP;
UPDATE images SET active = false, inactive_since = now()::TIMESTAMP
WHERE image_id NOT IN (SELECT image_id FROM files WHERE state = 'present');
