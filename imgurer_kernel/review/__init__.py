"""Resolve duplicates: choose the file to keep, decide, act on the others, undo.

Policies (`policy`, by facts of `view`), decisions, plans, and acts with a journal (`acts`,
`runner`, `recovery`) belong in here; finding clusters does not (`imgurer_kernel.matching`), nor
does showing them (`imgurer_kernel.ui`).
"""
