"""What every package may use: records, atomic files, threads, progress, text, array types.

Nothing in here knows of pictures, catalogs or widgets, and nothing imports from the other packages.
"""
