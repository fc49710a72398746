"""Numbers and names as people read them: every number comes with its words."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from imgurer_kernel.common.text import count

RADIUS_WORDS = {0: "identical", 4: "re-saved", 10: "edited", 20: "loosely alike"}
"""What pictures at a distance of so many bits usually are to each other."""

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def bits(distance: int) -> str:
    """A Hamming distance.

    Examples
    --------
    >>> bits(0), bits(1), bits(10)
    ('0 bits', '1 bit', '10 bits')
    """
    return count(distance, "bit")


def radius_words(radius: int) -> str:
    """What a search within a radius finds.

    Examples
    --------
    >>> radius_words(0), radius_words(3), radius_words(12), radius_words(40)
    ('identical', 're-saved', 'loosely alike', 'loosely alike')
    """
    reached = [limit for limit in RADIUS_WORDS if limit >= radius]
    return RADIUS_WORDS[min(reached) if reached else max(RADIUS_WORDS)]


def pixels(width: int, height: int) -> str:
    """The size of a picture.

    Examples
    --------
    >>> pixels(4032, 3024).split()[::2]
    ['4032', '3024']
    """
    return f"{width} \N{MULTIPLICATION SIGN} {height}"


def elide(text: str, length: int = 40) -> str:
    """At most `length` characters of a text: the middle gives way, since the ends tell.

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


def listing(words: Iterable[str], last: str = "and") -> str:
    """Words in a row, as one says them.

    Examples
    --------
    >>> listing(["smaller"]), listing(["ann", "bob", "eve"])
    ('smaller', 'ann, bob and eve')
    """
    *others, final = list(words) or [""]
    return f"{', '.join(others)} {last} {final}" if others else final


def sentence(text: str) -> str:
    """A message that begins with a capital letter and ends with a stop.

    Examples
    --------
    >>> sentence("the file is cut off"), sentence("No such picture.")
    ('The file is cut off.', 'No such picture.')
    """
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def moment(when: datetime) -> str:
    """A date and a time of day, to the minute; one with a zone as clocks here show it.

    Examples
    --------
    >>> moment(datetime(2026, 3, 1, 9, 5))
    '1 March 2026, 09:05'
    """
    if when.tzinfo is not None:
        when = datetime.fromtimestamp(when.timestamp(), UTC).astimezone()
    return f"{when.day} {when:%B %Y, %H:%M}"


def ago(when: datetime, now: datetime) -> str:
    """How long ago something was; a time without a zone is taken for UTC.

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
    """A place on Earth.

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
