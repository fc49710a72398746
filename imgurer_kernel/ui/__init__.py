"""Widgets: models without widgets, small anywidgets, panels that link the two."""
