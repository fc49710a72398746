-- Of an animation, or of pages: a hash of all frames (NULL for a still), how long they are shown
-- together, and a digest of their pixels. damage: what the decoder noticed, in words. profile: the
-- colours that were applied, or why they were not. All are NULL or 0 until a fingerprint is renewed.
ALTER TABLE images ADD COLUMN frame_key BLOB;
ALTER TABLE images ADD COLUMN duration_ms BIGINT DEFAULT 0;
ALTER TABLE images ADD COLUMN frames_digest VARCHAR;
ALTER TABLE images ADD COLUMN damage VARCHAR;
ALTER TABLE images ADD COLUMN profile VARCHAR;
ALTER TABLE trash_images ADD COLUMN frame_key BLOB;
ALTER TABLE trash_images ADD COLUMN duration_ms BIGINT DEFAULT 0;
ALTER TABLE trash_images ADD COLUMN frames_digest VARCHAR;
ALTER TABLE trash_images ADD COLUMN damage VARCHAR;
ALTER TABLE trash_images ADD COLUMN profile VARCHAR;
