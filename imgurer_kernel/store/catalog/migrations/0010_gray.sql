-- Whether a picture has no colour; NULL until a search for clusters computes it.
ALTER TABLE images ADD COLUMN is_gray BOOLEAN;
ALTER TABLE trash_images ADD COLUMN is_gray BOOLEAN;
