"""Format numbers, names and times for users; every number has its noun."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def count(number: int, one: str, many: str = "") -> str:
    """Format a number with its noun in singular or plural.

    Examples
    --------
    >>> count(1, "picture"), count(12480, "picture"), count(2, "copy", "copies")
    ('1 picture', '12,480 pictures', '2 copies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def human_bytes(number: int) -> str:
    """Format a number of bytes in steps of 1,000, to three figures at most.

    Examples
    --------
    >>> human_bytes(0), human_bytes(1), human_bytes(2_140_000), human_bytes(999_960)
    ('0 bytes', '1 byte', '2.1 MB', '1.0 MB')
    """
    if number < 1000:
        return count(number, "byte")
    size, units = float(number), iter(("kB", "MB", "GB", "TB"))
    unit = "bytes"
    while size >= 999.5 and (larger := next(units, None)):
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if size >= 99.95 else f"{size:.1f} {unit}"


def bits(distance: int) -> str:
    """Format a Hamming distance.

    Examples
    --------
    >>> bits(0), bits(1), bits(10)
    ('0 bits', '1 bit', '10 bits')
    """
    return count(distance, "bit")


def pixels(width: int, height: int) -> str:
    """Format the size of a picture.

    Examples
    --------
    >>> pixels(4032, 3024).split()[::2]
    ['4032', '3024']
    """
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def elide(text: str, length: int = 40) -> str:
    """Shorten a text to `length` characters by leaving out its middle.

    Examples
    --------
    >>> elide("a rather long name of a file.jpeg", 17)
    'a rathe…file.jpeg'
    >>> elide("short.jpg")
    'short.jpg'
    """
    if len(text) <= length:
        return text
    tail = length // 2 + 1
    return f"{text[: length - 1 - tail]}{_ELLIPSIS}{text[-tail:]}"


def elide_path(path: str, length: int = 40) -> str:
    """Shorten a path to `length` characters by leaving out whole folders, as long as that suffices.

    The first and the last part are the most informative, so those in the middle are left out first.

    Examples
    --------
    >>> elide_path("/home/ann/Pictures/2019/Camera/Uploads", 24)
    '/home/…/Camera/Uploads'
    >>> elide_path("/home/ann"), elide_path("Camera/" + "x" * 50, 20)
    ('/home/ann', 'Camera/x…xxxxxxxxxxx')
    """
    if len(path) <= length:
        return path
    start = path.find("/", 1) + 1
    head, parts = path[:start], path[start:].split("/")
    while parts[1:]:
        parts = parts[1:]
        shorter = f"{head}{_ELLIPSIS}/{'/'.join(parts)}"
        if len(shorter) <= length:
            return shorter
    return elide(path, length)


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Join words by commas and "and".

    Examples
    --------
    >>> join_words(["smaller"]), join_words(["ann", "bob", "eve"])
    ('smaller', 'ann, bob and eve')
    """
    *others, final = list(words) or [""]
    return f"{', '.join(others)} {last} {final}" if others else final


def freed_text(on_disk: int, in_store: int) -> str:
    """Format how many bytes could be freed, and where.

    Examples
    --------
    >>> freed_text(2_100_000, 0), freed_text(1000, 2000), freed_text(0, 0)
    ('2.1 MB on disk', '1.0 kB on disk and 2.0 kB in the store', '0 bytes')
    """
    parts = ((on_disk, "on disk"), (in_store, "in the store"))
    return join_words(f"{human_bytes(size)} {where}" for size, where in parts if size) or "0 bytes"


def sentence(text: str) -> str:
    """Make a sentence of a message: a capital letter first and a full stop last.

    What is no word, such as a path, begins as it is written.

    Examples
    --------
    >>> sentence("the file is cut off"), sentence("No such picture.")
    ('The file is cut off.', 'No such picture.')
    >>> sentence("pictures/a.jpg is not a folder")
    'pictures/a.jpg is not a folder.'
    """
    text = text.strip()
    if not text:
        return ""
    first = text.split()[0].strip(",.:;!?").replace("'", "").replace("-", "")
    start = text[0].upper() if first.isalpha() else text[0]
    return start + text[1:] + ("" if text[-1] in ".!?" else ".")


def moment(when: datetime) -> str:
    """Format date and time of day to the minute; one with a zone in local time.

    Examples
    --------
    >>> moment(datetime(2026, 3, 1, 9, 5))
    '1 March 2026, 09:05'
    """
    if when.tzinfo is not None:
        with suppress(OverflowError, ValueError):  # the first and the last day of `datetime`
            when = datetime.fromtimestamp(when.timestamp(), UTC).astimezone()
    return f"{when.day} {when:%B %Y, %H:%M}"


def ago(when: datetime, now: datetime) -> str:
    """Format how long ago a time was; a time without a zone is in UTC.

    Examples
    --------
    >>> now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> ago(datetime(2026, 3, 1, 11, 58, tzinfo=UTC), now), ago(datetime(2026, 2, 20), now)
    ('2 minutes ago', '9 days ago')
    >>> ago(now, now), ago(datetime(2025, 1, 2, tzinfo=UTC), now)
    ('just now', '2 January 2025')
    """
    spent = _zoned(now) - _zoned(when)
    for unit, length in (
        ("day", timedelta(days=1)),
        ("hour", timedelta(hours=1)),
        ("minute", timedelta(minutes=1)),
    ):
        if spent >= timedelta(days=60):
            return f"{when.day} {when:%B %Y}"
        if spent >= length:
            return f"{count(spent // length, unit)} ago"
    return "just now"


def degrees(latitude: float, longitude: float) -> str:
    """Format a geographic position.

    Examples
    --------
    >>> degrees(48.85837, -2.29448)
    '48.8584° N, 2.2945° W'
    """
    north = "N" if latitude >= 0 else "S"
    east = "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}\N{DEGREE SIGN} {north}, {abs(longitude):.4f}\N{DEGREE SIGN} {east}"


def _zoned(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def without_folder(text: str, folder: Path) -> str:
    """Replace every mention of a folder's path in a text by words.

    >>> without_folder("/srv/a/tmp/x.part cannot be written", Path("/srv/a"))
    "the store's folder/tmp/x.part cannot be written"
    """
    for path in sorted({str(folder), str(folder.absolute()), str(folder.resolve())}, key=len)[::-1]:
        if Path(path).is_absolute():
            text = text.replace(path, "the store's folder")
    return text
