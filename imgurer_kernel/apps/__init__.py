"""Programs on top of the workbench: the command line and the server of the dashboard.

Each is thin: it reads a request, calls the workbench or a panel, and writes the answer.
"""
