-- Wrong entries of the present password when a user changes it. Counted here, since each page has
-- its own process, which would begin at zero.
CREATE TABLE password_tries (
    user_name VARCHAR PRIMARY KEY,
    failures INTEGER NOT NULL,
    failed_at TIMESTAMP NOT NULL
);
