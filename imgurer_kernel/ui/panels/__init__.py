"""Panels: models linked to widgets; each can be shown alone in a notebook cell."""
