"""Puts this folder on the path, so that all tests share `pictures` and `fake_workbench`."""
