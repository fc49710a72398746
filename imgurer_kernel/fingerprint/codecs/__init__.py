"""What `decode` needs to know about image formats and pixels.

Nearly all of it is pure: bytes, arrays and numbers in and out.
"""
