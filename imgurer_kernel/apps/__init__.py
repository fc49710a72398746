"""Programs over the workbench: the command line and the server of the dashboard."""
