"""Widgets of our own, each with its script and stylesheet; they know no store."""
