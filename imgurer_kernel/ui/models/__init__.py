"""What the panels show and do, as traits and plain functions; no widget is known here."""
