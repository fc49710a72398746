import io

import pytest

from imgurer_kernel.errors import BlobMissing, QueryError, UnknownImage
from imgurer_kernel.ui import ComparePanel
from imgurer_kernel.ui.models.compare import MOST, compare_pictures, compared_facts
from imgurer_kernel.ui.panels.viewer import ViewerPanel
from imgurer_kernel.ui.session import VisitorSession
from imgurer_kernel.ui.widgets.chunks import CHUNK, DownloadFile
from imgurer_kernel.ui.widgets.compare import Compare
from imgurer_kernel.ui.widgets.tile_data import Tile
from imgurer_kernel.ui.widgets.viewer import Viewer
from imgurer_kernel.workbench.workbench import Workbench
from tests.support.pictures import encode, resized, scene


class Browser:
    """Simulates the browser of a widget: keeps what arrives, and acknowledges each piece."""

    def __init__(self, widget):
        self.widget, self.messages, self.data = widget, [], b""
        widget.send = self.receive

    def ask(self, image_id):
        self.widget._receive(None, {"kind": "wanted", "image_id": image_id}, [])

    def receive(self, message, buffers=()):
        self.messages.append(message)
        for buffer in buffers:
            self.data += bytes(buffer)
        if message["kind"] == "chunk":
            answer = {"kind": "received", "number": message["number"]}
            self.widget._receive(None, answer, [])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    from imgurer_kernel import Settings

    with Workbench(Settings(root=tmp_path_factory.mktemp("store"))) as wb:
        picture = scene(7, 320, 240)
        wb.upload("a.jpg", encode(picture))
        wb.upload("b.tif", encode(resized(picture, 160, 120), "TIFF"))
        wb.upload("c.png", encode(scene(8, 200, 200), "PNG"))
        yield wb


def tiles(count):
    return [
        Tile(image_id=k, name=f"{k}.jpg", detail="", alt=f"{k}.jpg", thumbnail=b"x")
        for k in range(count)
    ]


def test_an_original_arrives_whole_and_as_a_browser_can_show_it(store):
    panel = ViewerPanel(VisitorSession(store))
    browser = Browser(panel.widget)
    panel.show_pictures([1, 2, 3], 2)
    assert panel.widget.image_id == 2
    browser.ask(2)
    begin, end = browser.messages[0], browser.messages[-1]
    assert (begin["kind"], begin["image_id"], begin["type"]) == ("begin", 2, "image/jpeg")
    assert (begin["width"], begin["height"]) == (160, 120)
    assert end["kind"] == "end"
    assert len(browser.data) == begin["size"]
    assert browser.data == store.browser_view(2).data


def test_no_original_is_sent_that_is_not_shown(store):
    panel = ViewerPanel(VisitorSession(store))
    browser = Browser(panel.widget)
    panel.show_pictures([1, 2], 1)
    for image_id in (3, 99, "1", None):
        browser.ask(image_id)
    assert browser.messages == []


def test_an_original_that_cannot_be_read_is_told_in_its_place(store, monkeypatch):
    panel = ViewerPanel(VisitorSession(store))
    browser = Browser(panel.widget)
    panel.show_pictures([1], 1)

    def gone(_):
        message = "the original is not there"
        raise BlobMissing(message)

    monkeypatch.setattr(store, "browser_view", gone, raising=False)
    browser.ask(1)
    [message] = browser.messages
    assert (message["kind"], message["image_id"]) == ("failed", 1)
    assert "its thumbnail" in message["text"]
    assert "not there" in message["text"]


def test_the_facts_are_those_of_the_picture_that_is_open(store):
    panel = ViewerPanel(VisitorSession(store))
    panel.show_pictures([1, 2, 3], 1)
    assert ["Format", "JPEG"] in panel.widget.facts
    panel.widget.position = 2
    assert ["Format", "PNG"] in panel.widget.facts
    panel.widget.position = -1
    assert panel.widget.facts == []


def test_pictures_that_are_gone_are_passed_over(store):
    panel = ViewerPanel(VisitorSession(store))
    panel.show_pictures([1, 77, 3, 1], 3)
    assert [tile["image_id"] for tile in panel.widget._content["tiles"]] == [1, 3]
    assert panel.widget.image_id == 3
    panel.widget.close_picture()
    panel.show_pictures([1, 3], 77)
    assert panel.widget.position == -1


@pytest.mark.parametrize("widget", [Viewer, Compare])
def test_a_file_that_cannot_be_read_to_its_end_is_reported(widget):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= CHUNK:
                raise OSError(5, "Input/output error")
            return super().read(size)

    made = widget(lambda _: None)
    browser = Browser(made)
    file = DownloadFile("a.jpg", "image/jpeg", 3 * CHUNK, Failing(bytes(3 * CHUNK)))
    made.deliver(4, file, (10, 10))
    assert [message["kind"] for message in browser.messages[-2:]] == ["broken", "failed"]
    assert "Input/output error" in browser.messages[-1]["text"]


def test_two_pictures_are_laid_on_each_other(store):
    comparison = compare_pictures(VisitorSession(store), [1, 2])
    assert comparison.text.startswith("The same picture")
    assert comparison.sizes == [(320, 240), (160, 120)]
    assert all((comparison.aligned, comparison.beneath, comparison.difference))
    differs = {fact.label: fact.differs for fact in comparison.facts}
    assert differs["Pixels"]
    assert differs["Format"]
    panel = ComparePanel(store, [1, 2])
    layers = panel.widget._content["layers"]
    blob = panel.widget._content["blob"]
    for name in ("aligned", "beneath", "difference"):
        offset, length = layers[name]
        assert blob[offset : offset + length] == getattr(comparison, name)


def test_several_have_their_maps_and_no_layers(store):
    comparison = compare_pictures(VisitorSession(store), [1, 2, 3])
    assert len(comparison.maps) == 3
    assert comparison.maps[0] == (1, 0, 0, 0, 1, 0)
    assert comparison.aligned == b""


def test_a_comparison_is_an_overlay_in_a_dashboard_and_inline_in_a_cell(store):
    assert store.compare(1, 2).widget.inline
    assert not ComparePanel(VisitorSession(store), [1, 2]).widget.inline


@pytest.mark.parametrize("ids", [[], [1, 1], list(range(1, MOST + 2))])
def test_what_cannot_be_compared_is_refused(store, ids):
    with pytest.raises(QueryError, match="different ones"):
        compare_pictures(VisitorSession(store), ids)


def test_a_picture_that_is_not_there_is_named(store):
    with pytest.raises(UnknownImage):
        compare_pictures(VisitorSession(store), [1, 99])


def test_a_fact_that_one_lacks_differs_and_a_place_never_does():
    facts = compared_facts([{"Camera": "X", "File": "/a"}, {"File": "/b"}])
    assert [(fact.label, fact.values, fact.differs) for fact in facts] == [
        ("Camera", ("X", ""), True),
        ("File", ("/a", "/b"), False),
    ]


def test_where_others_have_a_picture_is_not_told(store, tmp_path):
    from imgurer_kernel import Settings

    with Workbench(Settings(root=tmp_path / "store")) as wb:
        for name in ("ann", "bob"):
            wb.accounts.create(name, "a long password")
        source = tmp_path / "secret"
        source.mkdir()
        (source / "a.jpg").write_bytes(encode(scene(7, 320, 240)))
        wb.ingest(source, user="ann", progress=False)
        wb.upload("b.png", encode(scene(7, 160, 120), "PNG"), user="bob")
        comparison = compare_pictures(VisitorSession(wb, "bob"), [1, 2])
    assert "secret" not in str(comparison.facts)
