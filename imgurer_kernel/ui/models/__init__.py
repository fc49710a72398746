"""The state and actions of the panels, as traits and plain functions, without widgets."""
