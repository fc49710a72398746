-- Logins that have not ended; a cookie without a row is invalid. session_id is a digest of the
-- cookie's number, so that a cookie cannot be made from the catalog.
CREATE TABLE sessions (
    session_id VARCHAR PRIMARY KEY,
    user_name VARCHAR NOT NULL,
    begun_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    browser VARCHAR NOT NULL,
    address VARCHAR NOT NULL
);

-- Most bytes of pictures of a user, and under an empty name of all users together.
CREATE TABLE quotas (
    user_name VARCHAR PRIMARY KEY,
    bytes BIGINT NOT NULL
);
