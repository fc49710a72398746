"""Puts this folder on the path, so that all tests share `pictures` and `fake_workbench`."""

import os

from hypothesis import settings

# A deadline would make a test fail because the machine is busy; what is found is the same again
# on a machine that decides about a change.
settings.register_profile("imgurer", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("imgurer")
