"""What there is to know of image files and pixels, for `decode` to act on.

Nearly all of it is pure: bytes, arrays and numbers in and out.
"""
