-- Wrong guesses of one's present password where one changes it: pages have processes of their own,
-- each of which would begin to count anew.
CREATE TABLE password_tries (
    user_name VARCHAR PRIMARY KEY,
    failures INTEGER NOT NULL,
    failed_at TIMESTAMP NOT NULL
);
