"""``imgurer serve`` refuses invalid options before it makes a store."""

import pytest

from imgurer_kernel.apps.cli.parser import main


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Fails the test where a server would be started."""
    monkeypatch.setattr(
        "imgurer_kernel.apps.server.serve", lambda *_, **__: pytest.fail("a server was started")
    )


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["--host", "0.0.0.0"], "--login"),
        (["--host", "0.0.0.0", "--insecure-http"], "--login"),
        (["--host", "0.0.0.0", "--login"], "--insecure-http"),
        (["--trusted-proxy", "127.0.0.1"], "--login"),
    ],
)
def test_unsafe_listening_is_wrong_usage(tmp_path, capfd, words, remedy):
    root = tmp_path / "store"
    assert main(["--root", str(root), "serve", *words]) == 2
    said = capfd.readouterr().err
    assert remedy in said
    assert "Traceback" not in said
    assert not root.exists(), "nothing is made for a server that does not start"


def test_a_proxy_that_is_not_an_address_is_reported(tmp_path, capfd):
    words = ["--login", "--trusted-proxy", "proxy.example"]
    assert main(["--root", str(tmp_path / "store"), "serve", *words]) == 1
    assert "such as 127.0.0.1" in capfd.readouterr().err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_places_are_a_number_of_things(tmp_path, capfd, number):
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(tmp_path), "serve", "--max-kernels", number])
    assert ended.value.code == 2
    assert "whole number" in capfd.readouterr().err
