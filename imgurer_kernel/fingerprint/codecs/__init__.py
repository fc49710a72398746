"""Image formats and operations on pixels for `decode`.

Nearly all modules are pure: bytes, arrays and numbers in and out.
"""
