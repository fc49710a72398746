"""Upload many large files into the kernel, with progress and a verdict for each.

`ipywidgets.FileUpload` sends a file as one message, and fails silently at the websocket's limit
(2 MiB on our server, 10 MiB on Jupyter's). Here the browser sends chunks of 1 MiB, at most four of
them unacknowledged; they go to a temporary file and a running SHA-256. Each file is judged in a
worker thread, so that the next one arrives meanwhile.
"""

import asyncio
import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from imgurer_kernel.common.threads import ThreadPool
from imgurer_kernel.errors import ImgurerError
from imgurer_kernel.ui.shown_error import shown_error
from imgurer_kernel.ui.theme.theme import script, static
from imgurer_kernel.ui.widgets.messages import receive_messages, whole
from imgurer_kernel.ui.widgets.upload.receiver import Upload, UploadReceiver
from imgurer_kernel.ui.widgets.upload.verdict import Verdict, verdict_message

__all__ = ["Upload", "UploadControl", "Verdict"]

IDLE_LIMIT = 600.0
"""Seconds without a chunk after which a file's page is assumed to be closed."""

REMEMBERED = 64
"""Number of recent verdicts that can be sent again to a page whose connection broke."""

_log = logging.getLogger(__name__)


class UploadControl(anywidget.AnyWidget):
    """A drop area, a button, and a row for each file from its first byte to its verdict.

    Parameters
    ----------
    folder
        Folder of the temporary files. They are removed after the verdict, on cancel, on error, and
        when the kernel ends.
    on_file
        Judges an upload. Runs in a worker thread while others arrive; it must not touch widgets
        (see `on_settled`). An `ImgurerError` that it raises is shown in the row; any other error is
        logged, and the row says only that something went wrong.
    max_bytes
        Largest file; a larger one is refused before a byte is sent.
    compare
        Called in the worker thread with each ``"added"`` verdict when no file waits any more; may
        return a refined verdict, which replaces the one in the row.
    threads
        Number of uploads judged at once.

    Traits
    ------
    multiple
        False for one picture at a time: a new file replaces the last, and the area is small.
    listed
        False for a small area without rows: only failed files are listed, and the others are shown
        elsewhere.
    prompt
        Text of the drop area.
    stall_seconds
        Seconds without an answer of the kernel until a file is given up, with a way to retry.

    Examples
    --------
    >>> import tempfile
    >>> control = UploadControl(
    ...     Path(tempfile.mkdtemp()), lambda upload: Verdict(status="added"), max_bytes=1 << 30
    ... )
    >>> control.active
    0
    """

    _esm = script(
        *("widgets/common.js", "widgets/upload/transfer.js"),
        *("widgets/upload/upload_row.js", "widgets/upload/upload.js"),
    )
    _css = static("theme/tokens.css", "widgets/rows.css", "widgets/upload/upload.css")
    max_bytes = traitlets.Int(1 << 30).tag(sync=True)
    chunk_bytes = traitlets.Int(1 << 20, read_only=True).tag(sync=True)
    window = traitlets.Int(4, read_only=True).tag(sync=True)
    multiple = traitlets.Bool(True).tag(sync=True)
    listed = traitlets.Bool(True).tag(sync=True)
    prompt = traitlets.Unicode("Drop pictures here").tag(sync=True)
    stall_seconds = traitlets.Float(30.0).tag(sync=True)

    def __init__(
        self,
        folder: Path,
        on_file: Callable[[Upload], Verdict],
        max_bytes: int,
        compare: Callable[[Verdict], Verdict | None] | None = None,
        threads: int = 1,
        **traits: object,
    ) -> None:
        self._on_file = on_file
        self._compare = compare
        self._added: deque[tuple[str, Upload, Verdict]] = deque()  # still to be compared
        self._reception = UploadReceiver(folder, max_bytes=max_bytes, chunk_bytes=1 << 20)
        self._judged: dict[str, tuple[Upload, Future[Verdict]]] = {}
        self._verdicts: dict[str, tuple[dict[str, Any], list[bytes]]] = {}
        self._worker = ThreadPool(threads, thread_name_prefix="upload")
        self._settled: list[Callable[[Upload, Verdict], None]] = []
        self._compared_callbacks: list[Callable[[Upload, Verdict], None]] = []
        self._chosen_callbacks: list[Callable[[int], None]] = []
        self._begun: list[Callable[[], None]] = []
        self._idle: list[Callable[[], None]] = []
        self._queued = False  # the page has files that it has not begun to send
        self._busy = False
        self._lock = threading.Lock()
        self._open_callbacks: list[Callable[[int], None]] = []
        self._cleared_callbacks: list[Callable[[], None]] = []
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        super().__init__(max_bytes=max_bytes, **traits)
        # Not `__del__`: this also runs when the kernel ends, and holds no reference to the widget.
        self._finalizer = weakref.finalize(self, _end, self._reception, self._worker)
        receive_messages(self, self._receive)

    @property
    def active(self) -> int:
        """Number of files that are arriving or waiting for their verdict."""
        return len(self._reception) + len(self._judged)

    @property
    def busy(self) -> bool:
        """Whether files arrive, wait for their verdict, or wait in the browser."""
        return self._queued or self.active > 0

    def on_settled(self, callback: Callable[[Upload, Verdict], None]) -> None:
        """Call `callback` after each verdict, on the kernel's event loop: it may touch widgets."""
        self._settled.append(callback)

    def on_compared(self, callback: Callable[[Upload, Verdict], None]) -> None:
        """Call `callback` with each refined verdict of `compare`, on the kernel's event loop."""
        self._compared_callbacks.append(callback)

    def on_chosen(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the number of chosen or dropped files, before the first arrives.

        Called on the kernel's event loop; files that are too large count.
        """
        self._chosen_callbacks.append(callback)

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the kernel's event loop when the first of some files arrives."""
        self._begun.append(callback)

    def on_idle(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the kernel's event loop when the last file is settled.

        Once per `on_begin`: not between two files if the page has the second one ready.
        """
        self._idle.append(callback)

    def on_open(self, callback: Callable[[int], None]) -> None:
        """Call `callback` with the image_id of the picture in a clicked row."""
        self._open_callbacks.append(callback)

    def on_cleared(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the user has cleared the list of settled files."""
        self._cleared_callbacks.append(callback)

    def clear(self) -> None:
        """Remove the rows of all settled files."""
        self.send({"kind": "clear"})

    def close(self) -> None:
        """Cancel everything, remove the temporary files, and close the widget."""
        self._finalizer()
        super().close()

    def _receive(
        self, _: object, message: dict[str, Any], buffers: list[memoryview | bytes]
    ) -> None:
        kind, key = message.get("kind"), str(message.get("key", ""))
        if kind == "chunk":
            self._take(key, message, bytes(buffers[0]) if buffers else b"")
        elif kind == "cancel":
            self._cancel(key)
        elif kind == "ask":
            self._answer(key)
        elif kind == "ping":
            self.send({"kind": "pong", "at": message.get("at")})
        elif kind == "queue":
            self._queued = bool(message.get("open"))
            self._note_busy(self.busy)
        else:
            self._handle_action(kind, message)

    def _handle_action(self, kind: object, message: dict[str, Any]) -> None:
        """Handle an action of the user on the list."""
        if kind == "chosen":
            for chooser in self._chosen_callbacks:
                chooser(whole(message.get("files"), 0))
        elif kind == "cleared":
            for clearer in self._cleared_callbacks:
                clearer()
        elif kind == "open":
            for callback in self._open_callbacks:
                callback(whole(message.get("image_id")))

    def _take(self, key: str, message: dict[str, Any], data: bytes) -> None:
        self._note_busy(busy=True)  # before a verdict in another thread can end it
        # No timer: an abandoned file does no harm until the next one arrives.
        for abandoned in self._reception.expire(IDLE_LIMIT):
            self._fail(abandoned, "Nothing arrived for ten minutes; try again.")
        sequence = whole(message.get("sequence"))
        try:
            progress = self._reception.chunk(
                key,
                name=str(message.get("name", "")),
                size=whole(message.get("size")),
                sequence=sequence,
                data=data,
            )
        except ImgurerError as error:
            self._fail(key, shown_error(error))
            return
        self.send({"kind": "ack", "key": key, "sequence": sequence, "bytes": progress.bytes})
        if progress.upload is not None:
            self._judge(key, progress.upload)
        elif not self.active:  # a chunk of a file that is settled
            self._note_busy(busy=self._queued)

    def _answer(self, key: str) -> None:
        """Send the verdict of a file again to a page that has not received it."""
        if key in self._verdicts:
            content, pictures = self._verdicts[key]
            self.send(content, buffers=pictures)
        elif key not in self._judged:
            self._fail(key, "The kernel knows nothing of this file; try again.")

    def _fail(self, key: str, text: str) -> None:
        self.send({"kind": "failed", "key": key, "text": text})
        self._note_busy(self.busy)

    def _cancel(self, key: str) -> None:
        self._reception.cancel(key)
        _, future = self._judged.get(key, (None, None))
        if future is not None:
            future.cancel()  # no effect if it is being judged: its verdict will be sent
        self._note_busy(self.busy)

    def _judge(self, key: str, upload: Upload) -> None:
        future = self._worker.submit(_judged, self._on_file, upload)
        # Before adding the callback, which looks it up, and may run immediately.
        self._judged[key] = upload, future
        future.add_done_callback(partial(self._settle, key))

    def _settle(self, key: str, future: Future[Verdict]) -> None:
        upload, _ = self._judged[key]
        if future.cancelled():
            del self._judged[key]
            upload.path.unlink(missing_ok=True)
            return
        error = future.exception()
        if error is None:
            verdict = future.result()
        elif isinstance(error, ImgurerError):
            verdict = Verdict(status="failed", text=shown_error(error))
        else:
            _log.error("the judge of an upload failed", exc_info=error)
            text = "Something went wrong inside; the server's log says what. Try again."
            verdict = Verdict(status="failed", text=text)
        content, pictures = verdict_message(key, verdict)
        # Before sending it, so that a page that asks meanwhile gets the answer.
        self._verdicts[key] = content, pictures
        if len(self._verdicts) > REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]
        self.send(content, buffers=pictures)
        if self._compare is not None and verdict.status == "added":
            self._added.append((key, upload, verdict))
        del self._judged[key]
        self._on_loop(self._announce, upload, verdict)

    def _announce(self, upload: Upload, verdict: Verdict) -> None:
        for callback in self._settled:
            callback(upload, verdict)
        self._note_busy(self.busy)

    def _note_busy(self, busy: bool) -> None:
        with self._lock:
            has_changed, self._busy = busy != self._busy, busy
        if has_changed:
            for listener in self._begun if busy else self._idle:
                listener()
            if not busy:
                self._compare_next()

    def _compare_next(self) -> None:
        """Compare the next added file, unless others are arriving, which have priority."""
        if self._added and not self._busy:
            with suppress(RuntimeError):  # the worker was shut down: the control is closed
                self._worker.submit(self._compare_one).add_done_callback(self._compared)

    def _compare_one(self) -> tuple[str, Upload, Verdict] | None:
        try:
            key, upload, verdict = self._added.popleft()
        except IndexError:  # another call has taken the file
            return None
        better = self._compare(verdict) if self._compare is not None else None
        return None if better is None else (key, upload, better)

    def _compared(self, future: Future[tuple[str, Upload, Verdict] | None]) -> None:
        if future.cancelled():
            return
        if (error := future.exception()) is not None:
            _log.error("an upload could not be compared", exc_info=error)
        elif (found := future.result()) is not None:
            key, upload, better = found
            content, pictures = verdict_message(key, better)
            self.send(content, buffers=pictures)
            for callback in self._compared_callbacks:
                self._on_loop(callback, upload, better)
        self._on_loop(self._compare_next)

    def _on_loop(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is None or self._loop.is_closed():
            function(*arguments)  # in a script or a test: no loop, and no displayed widgets
        else:
            self._loop.call_soon_threadsafe(function, *arguments)


def _judged(on_file: Callable[[Upload], Verdict], upload: Upload) -> Verdict:
    try:
        return on_file(upload)
    finally:
        upload.path.unlink(missing_ok=True)


def _end(reception: UploadReceiver, worker: ThreadPool) -> None:
    worker.shutdown(wait=False, cancel_futures=True)
    reception.close()
