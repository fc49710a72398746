"""Modules for every package: records, atomic files, threads, progress, text, array types.

They do not depend on pictures, catalogs or widgets, and import from no other package.
"""
