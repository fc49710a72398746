-- Logins that have not ended; a cookie without its row here is nobody's. session_id is a digest of
-- the cookie's number: who reads the catalog cannot make the cookie of it.
CREATE TABLE sessions (
    session_id VARCHAR PRIMARY KEY,
    user_name VARCHAR NOT NULL,
    begun_at TIMESTAMP NOT NULL,
    seen_at TIMESTAMP NOT NULL,
    ends_at TIMESTAMP NOT NULL,
    browser VARCHAR NOT NULL,
    address VARCHAR NOT NULL
);

-- How many bytes of pictures a user may have, and with an empty name all users together.
CREATE TABLE quotas (
    user_name VARCHAR PRIMARY KEY,
    bytes BIGINT NOT NULL
);
