import pytest

from imgurer_kernel.common.progress import counted, reporting, staged


def test_a_function_hears_of_every_step():
    seen = []
    with reporting(lambda done, total: seen.append((done, total)), 3, "x") as taken:
        taken(1)
        taken(2)
    assert seen == [(1, 3), (3, 3)]


def test_silence_and_bar(capsys):
    with reporting(False, 2, "x") as taken:
        taken(2)
    assert capsys.readouterr() == ("", "")
    with reporting(True, 2, "Reading") as taken:
        taken(2)
    captured = capsys.readouterr()
    assert "Reading" in captured.err
    assert captured.out == ""


def test_an_exception_of_the_progress_function_stops_the_work():
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), reporting(stop, 1, "x") as taken:
        taken(1)


def test_stages_are_reported_to_a_function_as_numbers():
    seen = []
    with staged(lambda done, total: seen.append((done, total))) as report:
        report("reading", 1, 2)
        report("comparing", 0, 0)
    assert seen == [(1, 2), (0, 0)]
    with staged(False) as report:
        report("reading", 1, 2)


def test_a_bar_of_stages_follows_them_back_and_forth(monkeypatch):
    import tqdm.auto

    shown = []

    class Bar(tqdm.std.tqdm):
        def update(self, n=1):
            super().update(n)
            shown.append((self.desc, self.n, self.total))

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    with staged(True) as report:
        report("reading", 5, 9)
        report("comparing", 2, 0)
    assert shown == [("Reading: ", 5, 9), ("Comparing: ", 2, None)]


def test_a_total_that_was_an_estimate_grows():
    seen = []
    advance = counted(lambda *report: seen.append(report), "comparing", 3)
    for step in (2, 0, 2):
        advance(step)
    assert seen == [("comparing", 2, 3), ("comparing", 2, 3), ("comparing", 4, 4)]


def test_a_bar_of_files_says_at_once_how_many_there_are(capsys):
    with reporting(True, 7, "Ingesting") as advance:
        assert "Ingesting:   0%" in capsys.readouterr().err
        advance(7)
    assert "7/7" in capsys.readouterr().err
