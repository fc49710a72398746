"""What to do with duplicates: which file of a cluster is kept, and why.

Decisions, plans and the journal of what was done belong in here; finding clusters does not
(`imgurer_kernel.matching`), nor does showing them (`imgurer_kernel.ui`).
"""
