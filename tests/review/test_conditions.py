"""Conditions with values that no file has are refused, and name the nearest one."""

import pytest

from imgurer_kernel import Settings, Workbench
from imgurer_kernel.apps.cli.parser import main
from imgurer_kernel.errors import QueryError
from imgurer_kernel.review.conditions import require_known_values
from imgurer_kernel.review.labels import OF_FILES
from tests.review.folders import make_folder


@pytest.mark.parametrize(
    ("condition", "nearest"),
    [
        ("label = 'identicl'", "'identical'"),
        ("label='Resized'", "'resized'"),
        ("'reencoded' = label", "'re-encoded'"),
        ("label IN ('identical', 'same pixel')", "'same pixels'"),
        ("label NOT IN ('croped')", "'cropped'"),
        ("bytes > 3 AND (files.label <> 'kep' OR width > 1)", "'kept'"),
        ("CASE label WHEN 'flip' THEN true END", "'flipped'"),
        ("label = 'exact'", "'identical'"),
        ("label = 'turned'", "'rotated'"),
        ("LABEL = 'bordred'", "'bordered'"),
        ("label = 'xyz'", "there are identical, "),
        ("label = 'another take'", "there are identical, "),
        ("medoid_label = 'medoids'", "'medoid'"),
        ("state = 'presnt'", "'present'"),
        ("verdict = 'Same'", "'same'"),
    ],
)
def test_values_that_no_file_has_are_refused(condition, nearest):
    with pytest.raises(QueryError, match="no file has the ") as error:
        require_known_values(condition)
    assert nearest in str(error.value)


@pytest.mark.parametrize(
    "condition",
    [
        *(f"label = '{label}'" for label in OF_FILES),
        "label LIKE 'ident%'",
        "lower(label) = 'x'",
        "filename = 'label = ''identicl'''",
        "filename = 'identicl' OR label = 'identical' -- label = 'identicl'",
        "verdict = ''",
        "label =",
        "1) AS a, (1",
        "",
        "count(*)",
    ],
)
def test_other_conditions_are_left_to_the_database(condition):
    require_known_values(condition)


@pytest.mark.parametrize("deep", [900, 5000])
def test_too_deeply_nested_conditions_are_refused(deep):
    require_known_values("NOT " * deep + "(label = 'resized')")
    require_known_values(" OR ".join(["label = 'resized'"] * deep))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    base = tmp_path_factory.mktemp("conditions")
    make_folder(base / "in")
    with Workbench(Settings(root=base / "store", store="reference", workers=1)) as wb:
        wb.ingest(base / "in", progress=False)
        with pytest.raises(QueryError, match="did you mean 'identical'"):
            wb.preview(where="label = 'identicl'", progress=False)
    return base / "store"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--where", "label='identicl'"], "no file has the label 'identicl'; did you mean"),
        (["--where", "label ="], 'syntax error at or near ")"; the columns are'),
        (["--where", "label = identical"], "texts stand in single quotes, and the columns are"),
        (["--where", "labl = 'identical'"], "not found in FROM clause"),
        (["--policy", "bytes +"], "syntax error"),
        (["--where", "label = '\udcff'"], "is not text in UTF-8"),
        (["--policy", "\udcff"], "is not text in UTF-8"),
        (["--policy", "medoid_label = 'medoids'"], "did you mean 'medoid'?"),
    ],
)
def test_the_shell_says_it_in_one_line(root, capsys, words, said):
    assert main(["--root", str(root), "review", "plan", *words]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert "\\n" not in line
    assert "^" not in line
