"""Workbench.sql: which statements are answered, and which are refused."""

import time

import pandas as pd
import pytest

from imgurer_kernel.errors import QueryError
from imgurer_kernel.store.catalog.sql import select
from tests.support.pictures import encode, jpeg, scene


def fill(wb):
    wb.accounts.create("ann", "correct horse")
    wb.upload("a.jpg", encode(scene(1, 160, 120)), "ann")
    wb.upload("a again.jpg", encode(scene(1, 160, 120), quality=40))
    wb.upload("b.jpg", jpeg(2, 64, 48))


@pytest.fixture
def wb(new_store):
    return new_store(fill)


def test_the_views_are_the_frames_of_their_names(wb):
    wb.clusters(progress=False)
    wb.decide((1, 3), "different", reason="others")
    for name in ("images", "files", "users", "decisions", "clusters", "journal"):
        expected = getattr(wb, name)() if name != "clusters" else wb.last_clusters()
        found = wb.sql(f"SELECT * FROM {name}")
        assert found.columns.tolist() == expected.columns.tolist()
        assert len(found) == len(expected)
        for column in found:
            zoned = isinstance(expected[column].dtype, pd.DatetimeTZDtype)
            if zoned or expected[column].dtype == "str":
                assert (
                    str(found[column].dtype).split("[")[0]
                    == str(expected[column].dtype).split("[")[0]
                )
                assert found[column].isna().equals(expected[column].isna())


def test_a_join_with_groups(wb):
    found = wb.sql(
        'SELECT "user", count(*) AS n FROM files JOIN images USING (image_id) '
        "GROUP BY ALL ORDER BY ALL"
    )
    assert found.values.tolist() == [["ann", 1], ["local", 2]]


def test_sums_of_integers_are_integers():
    tables = {"t": pd.DataFrame({"n": [2**53, 1, 3], "s": ["a", "a", "b"]})}
    found = select('SELECT s, sum(n) AS "a ""b""" FROM t GROUP BY s ORDER BY s DESC; -- x', tables)
    assert found.to_dict("list") == {"s": ["b", "a"], 'a "b"': [3, 2**53 + 1]}
    assert found['a "b"'].dtype == "int64"
    gaps = select("SELECT sum(n) AS n FROM t WHERE false UNION ALL SELECT sum(n) FROM t", tables)
    assert gaps["n"].dtype == "Int64"
    assert gaps["n"].isna().tolist() == [True, False]
    wide = select(
        "SELECT sum(n) * 10::HUGEINT ^ 0, sum(n), sum(n)::HUGEINT * 4096 AS w FROM t", tables
    )
    assert wide["w"].tolist() == [(2**53 + 4) * 4096]
    assert select("SELECT sum(n)::HUGEINT * 1000000 AS w FROM t", tables)["w"][0] > 2**63
    both = select("SELECT sum(n), sum(n), [1] FROM t", tables)
    assert both.iloc[0, :2].tolist() == [2**53 + 4] * 2


@pytest.fixture
def far_east(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# DuckDB itself calls pandas so for moments with a zone.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop")
@pytest.mark.usefixtures("far_east")
def test_moments_are_in_utc_wherever_the_machine_is():
    moment = pd.Timestamp("2020-01-02 03:04:05+00:00")
    tables = {"t": pd.DataFrame({"at": [moment]})}
    for text in ("t.at::timestamptz", "t.at", "timezone('UTC', t.at)"):
        found = select(f"SELECT {text} AS x FROM t", tables)
        assert found["x"].tolist() == [moment]
        assert str(found["x"].dtype).endswith("UTC]")
    same = "SELECT count(*) AS n FROM t WHERE t.at = timestamptz '2020-01-02 03:04:05+00'"
    assert select(same, tables)["n"].tolist() == [1]
    assert abs(select("SELECT now() AS n", {})["n"][0] - pd.Timestamp.now("UTC")).days == 0
    both = select("SELECT a.at, b.at, [a.at] FROM t AS a, t AS b", tables)
    assert both.iloc[0, :2].tolist() == [moment, moment]


@pytest.mark.parametrize("wrong", ["SELECT '\ud800'", None, 5])
def test_what_is_not_text_is_an_error(wrong):
    with pytest.raises(QueryError, match="is not a statement"):
        select(wrong, {})


def test_no_password_is_in_it(wb):
    assert not [name for name in wb.sql("FROM users") if "pass" in name or "hash" in name]
    for table in ("sessions", "user_passwords", "main.users_table"):
        with pytest.raises(QueryError):
            wb.sql(f"SELECT * FROM {table}")


def test_clusters_that_nobody_has_asked_for_are_an_error(wb):
    with pytest.raises(QueryError, match=r"call clusters\(\) first"):
        wb.sql("SELECT * FROM clusters")


REFUSED = [
    "INSERT INTO images VALUES (1)",
    "DELETE FROM images",
    "UPDATE images SET width = 1",
    "DROP TABLE images",
    "CREATE TABLE t AS SELECT 1",
    "ATTACH 'other.duckdb'",
    "COPY images TO 'stolen.csv'",
    "EXPORT DATABASE 'stolen'",
    "INSTALL httpfs",
    "LOAD json",
    "SET threads = 1",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "PREPARE a AS SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE images",
    "",
    "-- nothing",
    "SELEKT 1",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM read_parquet('http://example.org/a.parquet')",
    "SELECT * FROM frame",
    "SELECT nothing FROM images",
    "SELECT * FROM query('ATTACH ''x.db''')",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_what_does_not_only_read_the_views_is_refused(wb, statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    frame = pd.DataFrame({"secret": [1]})  # a variable of the caller
    with pytest.raises(QueryError) as raised:
        wb.sql(statement)
    assert str(raised.value)
    assert raised.value.__notes__
    assert {path.name for path in tmp_path.iterdir()} == before
    assert len(frame) == 1
    assert len(wb.images()) == 3


@pytest.mark.parametrize("statement", [None, 3, b"SELECT 1"])
def test_what_is_not_text_is_refused(wb, statement):
    with pytest.raises(QueryError, match="give the text"):
        wb.sql(statement)


def test_only_what_is_named_is_read(wb, monkeypatch):
    monkeypatch.setattr(wb, "files", None)
    assert wb.sql("SELECT count(*) AS n FROM Images")["n"].tolist() == [3]
    assert wb.sql("DESCRIBE images")["column_name"].iloc[0] == "image_id"


@pytest.mark.parametrize(
    ("statement", "limit", "told"),
    [
        ("SELECT a.range FROM range(3000) a, range(3000) b", {"rows": 100_000}, "100,000 rows"),
        ("SELECT range FROM range(11)", {"rows": 10}, "10 rows"),
        ("SELECT list(range) FROM range(100000000)", {"memory": 64 << 20}, "67,108,864 bytes"),
        ("SELECT repeat('x', 1000) FROM range(1000000)", {"memory": 64 << 20}, "67,108,864 bytes"),
        (
            "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range ^ b.range = 5",
            {"seconds": 0.2},
            r"0\.2 s",
        ),
    ],
)
def test_an_answer_has_limits_and_says_which(wb, statement, limit, told):
    with pytest.raises(QueryError, match=rf"more than {told} \({next(iter(limit))}=\)"):
        wb.sql(statement, **limit)


def test_an_answer_in_pieces_is_one_frame(wb):
    found = wb.sql("SELECT range AS n, if(n > 50000, 'x', NULL) AS t FROM range(60000)")
    assert found["n"].tolist() == list(range(60_000))
    assert found.index.tolist() == list(range(60_000))
    assert found["t"].isna().sum() == 50_001
    assert str(found["t"].dtype) == "str"
    assert len(wb.sql("SELECT range FROM range(10)", rows=10)) == 10
    nothing = wb.sql("SELECT image_id, format FROM images WHERE false")
    assert [str(kind) for kind in nothing.dtypes] == ["int64", "str"]


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"memory": "much"}, {"seconds": float("nan")}])
def test_invalid_limits(wb, wrong):
    with pytest.raises(QueryError, match="must be a number above 0"):
        wb.sql("SELECT 1", **wrong)


def test_nothing_of_the_machine_is_within_reach():
    tables = {"t": pd.DataFrame({"a": [1]})}
    for call in (
        *("getenv('HOME')", "nextval('x')", "load_aws_credentials()", "set_config('x', 'y')"),
        *("140::BIGINT::POINTER", "140::POINTER"),
    ):
        with pytest.raises(QueryError):
            select(f"SELECT {call} FROM t", tables)
    for source in (
        *("read_blob('/etc/passwd')", "read_text('/proc/self/environ')", "glob('/*')"),
        *("sniff_csv('/etc/passwd')", "read_json('/etc/passwd')", "parquet_metadata('/x')"),
        *("duckdb_secrets()", "which_secret('s3://x', 's3')", "duckdb_extensions()"),
        *("pandas_scan(140)", "pandas_scan(140::POINTER)", "arrow_scan(1, 2, 3)"),
        *("enable_logging()", "enable_profiling()", "python_map_function((FROM t))"),
    ):
        with pytest.raises(QueryError):
            select(f"FROM {source}", tables)
