"""The URL fragment: the open tab and its content, for Back, Reload and bookmarks.

Only view state is in a URL, never the identity of the visitor.
"""
