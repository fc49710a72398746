"""Where a visitor is: the page's address and its history."""
