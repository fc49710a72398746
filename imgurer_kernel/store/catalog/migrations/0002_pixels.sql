-- One row for each picture that is not informative, and matches only by its pixels.
CREATE TABLE pixels (
    image_id BIGINT PRIMARY KEY,
    digest VARCHAR NOT NULL
);
