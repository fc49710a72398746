"""Settings of hypothesis for all tests."""

import os

from hypothesis import settings

from tests.support import stores

# A deadline would make a test fail because the machine is busy; what is found is the same again
# on a machine that decides about a change.
settings.register_profile("imgurer", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("imgurer")

# Fixtures of the support modules.
new_store = stores.new_store
templates = stores.templates
