import io
import json

import pandas as pd
import pytest

from imgurer_kernel.apps.cli.output import Terminal, format_table, printable


def test_columns_line_up_whatever_is_in_them():
    frame = pd.DataFrame(
        {
            "name": ["日本.jpg", "e\u0301.jpg", "x" * 100],
            "bits": [0, 10, 128],
            "score": [0.5, None, 1.0],
            "kept": [True, False, True],
            "id": pd.array([1, None, 3], "Int64"),
            "when": [pd.Timestamp("2026-01-02 03:04"), pd.NaT, pd.NaT],
        }
    )
    lines = format_table(frame).splitlines()
    assert lines[0].split() == ["name", "bits", "score", "kept", "id", "when"]
    assert lines[1].split() == ["日本.jpg", "0", "0.500", "yes", "1", "2026-01-02", "03:04"]
    assert lines[2].split() == ["e\u0301.jpg", "10", "no"]
    assert lines[3].split()[0] == "x" * 28 + "..." + "x" * 29
    # Two characters of 日本.jpg take two columns each, and one of the next line's takes none.
    assert lines[1].index("0.500") + 2 == lines[3].index("1.000")
    assert lines[2].index("10") - 1 == lines[3].index("128") + 1


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\x1b", "\x9b", "\u202e", "\u2028", "\x00", "\udcff"]
)
def test_nothing_steers_the_terminal(character):
    assert printable(f"a{character}b").isprintable()
    assert printable("Zürich 日本 \U0001f986") == "Zürich 日本 \U0001f986"


def test_people_see_the_columns_that_matter_and_programs_see_all(capsys):
    frame = pd.DataFrame({"image_id": [1], "digest": ["ab"], "filename": ["a.jpg"]})
    columns = {"image_id": "image id", "filename": "name"}
    Terminal(json=False).write_table(frame, columns)
    assert capsys.readouterr().out == "image id  name\n       1  a.jpg\n"
    Terminal(json=True).write_table(frame, columns)
    assert json.loads(capsys.readouterr().out) == frame.to_dict("records")


def test_an_empty_frame_is_an_empty_list_or_nothing(capsys):
    Terminal(json=False).write_table(pd.DataFrame({"a": []}))
    assert capsys.readouterr().out == ""
    Terminal(json=True).write_table(pd.DataFrame({"a": []}))
    assert capsys.readouterr().out == "[]\n"


def test_words_are_for_people_and_bars_for_terminals(capsys, monkeypatch):
    Terminal(json=True).write_line("hello")
    assert capsys.readouterr().out == ""
    assert not Terminal(json=False).progress

    class Screen(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Screen())
    assert Terminal(json=False).progress
    assert not Terminal(json=True).progress
