"""The URL fragment: which tab is open and what it shows, for Back, Reload and bookmarks.

Only view state is in a URL: who the visitor is never is.
"""
