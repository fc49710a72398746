-- Forgotten files until they are restored or deleted: their rows, and all rows of images that were
-- forgotten with their last file. Their history stays in its table.
-- Rows are moved by column names: columns added to files or images must be added here, too.
CREATE TABLE trash AS
    SELECT *, NULL::VARCHAR AS digest, NULL::TIMESTAMP AS forgotten_at FROM files LIMIT 0;
ALTER TABLE trash ALTER COLUMN digest SET NOT NULL;
ALTER TABLE trash ALTER COLUMN forgotten_at SET NOT NULL;
ALTER TABLE trash ADD PRIMARY KEY (file_id);

CREATE TABLE trash_images AS
    SELECT images.*, verification.grays AS verification_grays, pixels.digest AS pixels_digest
    FROM images JOIN verification USING (image_id) LEFT JOIN pixels USING (image_id) LIMIT 0;
ALTER TABLE trash_images ADD PRIMARY KEY (digest);
