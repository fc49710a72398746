import pytest

from imgurer_kernel.common.progress import reporting


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


def test_what_the_function_raises_ends_the_work():
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), reporting(stop, 1, "x") as taken:
        taken(1)
