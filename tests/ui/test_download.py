import io

import pytest

from imgurer_kernel.errors import BlobMissing
from imgurer_kernel.ui.jobs import Job, Runner
from imgurer_kernel.ui.widgets.chunks import CHUNK, WINDOW, DownloadFile
from imgurer_kernel.ui.widgets.download import Download


class Browser:
    """Receives what the widget sends, and acknowledges it or not."""

    def __init__(self, download):
        self.download = download
        self.messages, self.data = [], b""
        download.send = self.receive

    def receive(self, message, buffers=()):
        self.messages.append(message)
        for buffer in buffers:
            assert len(buffer) <= CHUNK
            self.data += bytes(buffer)

    def click(self):
        self.download._receive(None, {"kind": "wanted"}, [])

    def acknowledge(self, number=None):
        number = self.messages[-1]["number"] if number is None else number
        self.download._receive(None, {"kind": "received", "number": number}, [])


def make(prepare):
    job = Job(Runner())
    return job, Browser(Download(job, prepare, label="Save"))


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK * WINDOW + 17, CHUNK * 9])
def test_a_file_arrives_whole(size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    _, browser = make(lambda: DownloadFile.from_bytes("a.bin", "text/plain", data))
    browser.click()
    while browser.messages[-1]["kind"] == "chunk":
        browser.acknowledge()
    assert browser.data == data
    assert browser.messages[0]["kind"] == "begin"
    assert browser.messages[0]["size"] == size
    assert browser.messages[-1]["kind"] == "end"


def test_no_more_than_the_window_is_on_its_way():
    _, browser = make(lambda: DownloadFile.from_bytes("a", "", bytes(CHUNK * 20)))
    browser.click()
    assert len(browser.data) == CHUNK * WINDOW
    browser.acknowledge()
    assert len(browser.data) == CHUNK * (WINDOW + 1)


def test_a_second_click_starts_again_and_old_acknowledgements_are_ignored():
    files = []

    def prepare():
        files.append(io.BytesIO(bytes(CHUNK * 20)))
        return DownloadFile("a", "", CHUNK * 20, files[-1])

    _, browser = make(prepare)
    browser.click()
    browser.click()
    sent = len(browser.data)
    browser.acknowledge(number=1)
    assert len(browser.data) == sent
    assert files[0].closed
    assert not files[1].closed


def test_the_file_is_closed_in_the_end_and_when_the_page_goes():
    file = io.BytesIO(b"abc")
    _, browser = make(lambda: DownloadFile("a", "", 3, file))
    browser.click()
    assert file.closed
    long = io.BytesIO(bytes(CHUNK * 20))
    _, browser = make(lambda: DownloadFile("a", "", CHUNK * 20, long))
    browser.click()
    browser.download._receive(None, {"kind": "stop"}, [])
    assert long.closed


def test_an_error_is_shown_where_the_work_is():
    def prepare():
        message = "the original is gone"
        raise BlobMissing(message)

    job, browser = make(prepare)
    browser.click()
    assert job.failure == "The original is gone."
    assert browser.messages == []


def test_a_file_that_breaks_off_is_reported():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError(5, "Input/output error")

    job, browser = make(lambda: DownloadFile("a", "", 3, Broken(b"abc")))
    browser.click()
    assert "Input/output error" in job.failure
    assert browser.messages[-1]["kind"] == "broken"
