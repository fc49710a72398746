-- Of pictures that are not informative and match by their pixels only; the others have no row.
CREATE TABLE pixels (
    image_id BIGINT PRIMARY KEY,
    digest VARCHAR NOT NULL
);
