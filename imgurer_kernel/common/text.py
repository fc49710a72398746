"""Numbers as people read them: every number comes with its word."""


def count(number: int, one: str, many: str = "") -> str:
    """A number of things.

    Examples
    --------
    >>> count(1, "picture"), count(12480, "picture"), count(2, "copy", "copies")
    ('1 picture', '12,480 pictures', '2 copies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def human_bytes(number: int) -> str:
    """A size in steps of 1,000, to three figures at most.

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
