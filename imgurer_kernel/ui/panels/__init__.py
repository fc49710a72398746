"""The tabs of the dashboard: models linked to widgets; each can be shown alone in a notebook.

A new tab is a module here with a `Panel`, a model of its own, and an entry in `ui.dashboard`.
"""
