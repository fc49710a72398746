-- For animations and pages: a hash of all frames (NULL for a still), the sum of their durations, and
-- a digest of their pixels. damage: damage that the decoder found, in words. profile: the colour
-- profile that was applied, or why it was not. All are NULL or 0 until a fingerprint is renewed.
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
