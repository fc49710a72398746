-- Whether a picture has no colour; NULL until its fingerprint is renewed.
ALTER TABLE images ADD COLUMN is_gray BOOLEAN;
ALTER TABLE trash_images ADD COLUMN is_gray BOOLEAN;
