"""The URL fragment: which tab is open and what it shows, for Back, Reload and bookmarks."""
