"""Voila's configuration: no file of the store has a URL, and no asset comes from elsewhere."""

import functools
import logging
import os
import re
from base64 import b64encode
from dataclasses import fields
from hashlib import sha256
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from tornado.web import RequestHandler
from traitlets.config import Config

from imgurer_kernel import errors
from imgurer_kernel.apps.server import forked_kernels
from imgurer_kernel.apps.server.frames import READ_BYTES
from imgurer_kernel.apps.server.kernels import (
    OwnKernelSpecManager,
    QuietRestarter,
    VisitorKernelManager,
    transport,
)
from imgurer_kernel.apps.server.listen import Listen
from imgurer_kernel.common.text import without_folder
from imgurer_kernel.errors import ServerError
from imgurer_kernel.settings import Settings
from imgurer_kernel.ui import visitor

PACKAGE = Path(str(files("imgurer_kernel")))
TEMPLATE = PACKAGE / "apps" / "server" / "voila" / "templates" / "imgurer"

# The front end of Voila and the widgets. Other extensions on this machine are not loaded: each
# would slow the page down, and may contact foreign servers.
EXTENSIONS = (
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
)

# The only inline script in Voila's pages, sent while a page takes long to load; the content
# security policy allows it by its digest. All other scripts are files.
HEARTBEAT = "window.voila_heartbeat()"

_HEARTBEAT_DIGEST = b64encode(sha256(HEARTBEAT.encode()).digest()).decode()

_SOURCES = {
    "default-src": "'self'",
    "script-src": f"'self' 'sha256-{_HEARTBEAT_DIGEST}' blob:",
    "script-src-attr": "'none'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
CONTENT_POLICY = "; ".join(f"{kind} {sources}" for kind, sources in _SOURCES.items())

HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


_log = logging.getLogger(__name__)
_ANSI_COLOR = re.compile("\x1b\\[[0-9;]*m")


def _log_failure(handler: RequestHandler) -> None:
    """Log a request only if the server failed to answer it."""
    if handler.get_status() >= 500 and handler.get_status() != HTTPStatus.SERVICE_UNAVAILABLE:
        _log.error("%s %s failed", handler.request.method, handler.request.path)


def _note_cell_error(
    hidden: Path | None, cell: dict[str, Any], execute_reply: dict[str, Any], **_: object
) -> None:
    """Log why the dashboard failed to open; show the text of an `ImgurerError` on the page."""
    content = execute_reply["content"]
    lines = "\n".join(content.get("traceback", ()))
    _log.error("the dashboard could not be opened:\n%s", _ANSI_COLOR.sub("", lines))
    kind = getattr(errors, content.get("ename", ""), None)
    if isinstance(kind, type) and issubclass(kind, errors.ImgurerError):
        reason = content.get("evalue", "")
        cell["metadata"]["imgurer_reason"] = without_folder(reason, hidden) if hidden else reason


def find_notebook() -> Path:
    """Return the dashboard's notebook, from the wheel or the repository.

    Raises
    ------
    ServerError
        If there is neither.
    """
    candidates = (
        PACKAGE / "ui" / "dashboard.ipynb",
        PACKAGE.parent / "notebooks" / "dashboard.ipynb",
    )
    for path in candidates:
        if path.is_file():
            return path
    message = f"the dashboard's notebook is neither {candidates[0]} nor {candidates[1]}; reinstall"
    raise ServerError(message)


def kernel_environment(settings: Settings, listen: Listen, cookie: str) -> dict[str, str]:
    """Return the environment variables of a kernel: its store, its server and its login."""
    variables = {
        f"IMGURER_{field.name.upper()}": str(getattr(settings, field.name))
        for field in fields(settings)
    }
    variables[visitor.COOKIE_VARIABLE] = cookie if listen.login else ""
    variables[visitor.VISITOR_INFO_VARIABLE] = (
        listen.address.replace("http:", "ws:") + "voila/query"
    )
    # A kernel runs in the store's folder, from where a repository is not importable by itself.
    paths = (str(PACKAGE.parent), os.environ.get("PYTHONPATH", ""))
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return variables


def assets_version() -> str:
    """Return a text that changes with the assets, for their URLs: browsers cache them permanently.

    A page needs some ninety files, and revalidating each took half of the time to open it.
    """
    parts = [f"{name} {version(name)}" for name in ("voila", "anywidget", "ipywidgets")]
    own = sorted(path for path in (TEMPLATE / "static").iterdir() if path.is_file())
    parts += [sha256(path.read_bytes()).hexdigest() for path in own]
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _page_config(page_config: dict[str, Any], **_: object) -> dict[str, Any]:
    """Return the front end's configuration with URLs that change with the assets."""
    for name in ("fullStaticUrl", "fullLabextensionsUrl"):
        page_config[name] = f"{page_config[name]}/{assets_version()}"
    return page_config


def voila_config(
    settings: Settings,
    listen: Listen,
    *,
    notebook: Path,
    cookie: str,
    key: bytes,
    preheat: int,
    most_pages: int = 20,
) -> Config:
    """Return Voila's configuration.

    Parameters
    ----------
    cookie, key
        Name of the session's cookie, and the key that signs it.
    preheat
        Kernels started ahead for the next visitors; 0 starts a kernel when a visitor comes.
    most_pages
        Most pages with a kernel at one time.
    """
    config = Config()
    # Voila would run a file voila.py in the current folder of the server.
    config.Voila.config_file_paths = []
    config.Voila.notebook_path = str(notebook)
    config.Voila.ip = listen.host
    config.Voila.port = listen.port
    config.Voila.open_browser = False
    config.Voila.cookie_secret = key
    config.Voila.log_level = "ERROR"
    config.Voila.tornado_settings = {
        "headers": HEADERS,
        # The host names that requests may use: otherwise a foreign name that resolves to this
        # machine (DNS rebinding) would make a foreign page same-origin. With a login the cookie
        # prevents this, since such a page does not get it.
        "allow_remote_access": listen.login and listen.reached,
        "imgurer_wants_tls": listen.wants_tls,
        "xsrf_cookie_kwargs": {"samesite": "Lax"},
        "autoreload": False,
        "websocket_max_message_size": READ_BYTES,
        "log_function": _log_failure,
    }
    voila = config.VoilaConfiguration
    voila.template = "imgurer"
    voila.theme = "light"
    voila.allow_template_override = "NO"
    voila.allow_theme_override = "NO"
    voila.strip_sources = True
    voila.show_tracebacks = False
    voila.file_allowlist = ["^$"]
    voila.http_header_envs = ["Cookie"]
    voila.http_keep_alive_timeout = 3  # seconds until a dead kernel is noticed
    voila.extension_allowlist = list(EXTENSIONS)
    voila.page_config_hook = _page_config
    voila.preheat_kernel = preheat > 0
    voila.default_pool_size = preheat
    voila.multi_kernel_manager_class = VisitorKernelManager
    voila.kernel_spec_manager_class = OwnKernelSpecManager
    hidden = settings.root if listen.login else None
    config.VoilaExecutor.on_cell_error = functools.partial(_note_cell_error, hidden)
    # Signatures of notebooks are not used, and their folder need not be writable.
    config.NotebookNotary.db_file = ":memory:"
    config.NotebookNotary.secret = key
    config.VisitorKernelManager.environment = kernel_environment(settings, listen, cookie)
    config.VisitorKernelManager.folder = str(settings.root)
    config.VisitorKernelManager.most_pages = most_pages
    # The widgets of a page are lost with its kernel; a restart would not bring them back.
    config.KernelRestarter.restart_limit = 0
    config.AsyncIOLoopKernelManager.restarter_class = QuietRestarter
    config.VisitorKernelManager.cull_interval = 30
    config.VisitorKernelManager.cull_idle_timeout = 120
    config.VisitorKernelManager.cull_connected = False
    config.VisitorKernelManager.allow_tracebacks = False
    config.VisitorKernelManager.transport_encryption = "auto"
    config.KernelManager.transport = transport(gettempdir())
    if forked_kernels.AVAILABLE:
        forked_kernels.register()
        config.KernelProvisionerFactory.default_provisioner_name = forked_kernels.PROVISIONER
    return config
