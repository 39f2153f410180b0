"""The page, its answers and its files as static files, for readers without a login."""
