"""Every route of the built application: those of Voila and Jupyter, and ours."""

import json
import os
import subprocess
import sys

from tests.e2e.servers import REPOSITORY

PROGRAM = """
import json, sys
from tornado.routing import RuleRouter
from imgurer_kernel.apps.server import app, serve
from imgurer_kernel.settings import Settings

def listed(router):
    for rule in router.rules:
        if isinstance(rule.target, RuleRouter):
            yield from listed(rule.target)
        else:
            yield rule.matcher.regex.pattern, getattr(rule.target, "__name__", str(rule.target))

def listen(self):
    routes = [*listed(self.app.default_router), *listed(self.app.wildcard_router)]
    print("ROUTES " + json.dumps(sorted(set(routes))))

app.DashboardServer.listen = listen
options = {"port": 0, "open_browser": False, "preheat": 0, "login": sys.argv[2] == "login"}
serve(Settings(root=sys.argv[1]), **options)
"""


def routes_of(root, *, login):
    """Pattern and handler of each route of the server over a store."""
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), "login" if login else "open"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    (line,) = (each for each in done.stdout.splitlines() if each.startswith("ROUTES "))
    return [tuple(each) for each in json.loads(line.removeprefix("ROUTES "))]
