"""Colors, spacing, icons: the stylesheet that all widgets share."""
