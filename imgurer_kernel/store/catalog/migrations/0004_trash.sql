-- What was forgotten, until it is restored or emptied: the rows of files as they were, and of each
-- image that went with its last file all that the catalog knew. Their history stays where it is.
-- Rows are moved by name: a column that either table gets later belongs here, too.
CREATE TABLE trash AS
    SELECT *, NULL::VARCHAR AS digest, NULL::TIMESTAMP AS forgotten_at FROM files LIMIT 0;
ALTER TABLE trash ALTER COLUMN digest SET NOT NULL;
ALTER TABLE trash ALTER COLUMN forgotten_at SET NOT NULL;
ALTER TABLE trash ADD PRIMARY KEY (file_id);

CREATE TABLE trash_images AS
    SELECT images.*, verification.grays AS verification_grays, pixels.digest AS pixels_digest
    FROM images JOIN verification USING (image_id) LEFT JOIN pixels USING (image_id) LIMIT 0;
ALTER TABLE trash_images ADD PRIMARY KEY (digest);
