"""Recognize JPEG files that differ only in their metadata, without decoding them."""

_APP0, _APP14, _APP15, _COM, _SOS = 0xE0, 0xEE, 0xEF, 0xFE, 0xDA


def body(data: bytes) -> bytes | None:
    """Return the part of a JPEG that determines its pixels: without application data and comments.

    Adobe's segment is kept, since it has the colour space. None if it is not a valid JPEG.

    Examples
    --------
    >>> plain = bytes.fromhex("ffd8" "ffdb0003aa" "ffda0002" "1234" "ffd9")
    >>> named = bytes.fromhex("ffd8" "fffe0004abcd" "ffdb0003aa" "ffda0002" "1234" "ffd9")
    >>> body(plain) == body(named) == plain[2:]
    True
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    kept: list[bytes] = []
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _SOS:
            return b"".join([*kept, data[at:]])
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        is_application = _APP0 <= marker <= _APP15 and marker != _APP14
        if not is_application and marker != _COM:
            kept.append(data[at:end])
        at = end
    return None
