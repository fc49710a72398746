"""The command that serves the dashboard."""

from imgurer_kernel.apps.cli.command import (
    CREATE_HERE,
    EXIT_DONE,
    Call,
    argument,
    command,
    number,
    port,
)
from imgurer_kernel.common.text import count
from imgurer_kernel.store.users import LOCAL
from imgurer_kernel.workbench.workbench import Workbench


@command(
    "serve",
    argument("--host", default="127.0.0.1", help="where to listen (default: here only)"),
    argument("--port", type=port, default=8866, help="0 for any free one (default 8866)"),
    argument("--login", action="store_true", help="ask for a name and a password"),
    argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="address or network of a reverse proxy with TLS whose forwarding headers are trusted; "
        "may be repeated",
    ),
    argument(
        "--insecure-http",
        action="store_true",
        help="listen for other machines without TLS: anyone on the network path can read along",
    ),
    argument(
        "--max-kernels",
        type=number,
        metavar="N",
        help="pages open at one time (default: computed from the memory)",
    ),
    argument("--no-browser", action="store_true", help="do not open a browser"),
    argument("--samples", metavar="FOLDER", help="fill an empty store with samples"),
    CREATE_HERE,
)
def serve(call: Call) -> int:
    """Serve the dashboard."""
    # Imported here: Voila takes seconds to import, and no other command needs it.
    from imgurer_kernel.apps.server import serve as serve_dashboard
    from imgurer_kernel.apps.server.listen import check_listen
    from imgurer_kernel.apps.server.proxies import read_networks

    # Checked first, so that no store is made for a server that cannot start.
    check_listen(
        call.arguments.host,
        login=call.arguments.login,
        trusted=read_networks(call.arguments.trusted_proxy),
        insecure=call.arguments.insecure_http,
    )
    # Opened before the dashboard: the kernel of each visitor opens the store, and must not fail.
    with call.workbench_made() as wb:
        empty = not wb.statistics().images
        if empty and call.arguments.samples:
            _ingest_samples(call, wb)
        if call.arguments.login:
            _offer_files(call, wb)
    serve_dashboard(
        call.settings,
        host=call.arguments.host,
        port=call.arguments.port,
        login=call.arguments.login,
        open_browser=not call.arguments.no_browser,
        max_kernels=call.arguments.max_kernels,
        trusted_proxies=call.arguments.trusted_proxy,
        insecure_http=call.arguments.insecure_http,
    )
    return EXIT_DONE


def _offer_files(call: Call, wb: Workbench) -> None:
    """Print how an account gets the files ingested without a login, left to admins otherwise."""
    users = wb.users()
    admins = users.loc[(users["role"] == "admin") & (users["name"] != LOCAL), "name"].tolist()
    files = len(wb.files(user=LOCAL)) if LOCAL in set(users["name"]) else 0
    if files and admins:
        call.out.write_line(
            f"{count(files, 'file')} ingested without a login can be acted on by admins only; "
            f"hand them to an account: imgurer users adopt {admins[0]}"
        )


def _ingest_samples(call: Call, wb: Workbench) -> None:
    """Create the sample pictures and ingest them."""
    from imgurer_kernel.report.evaluation.samples import make_samples

    call.out.write_line("The store is empty: putting in sample pictures for a start")
    truth = make_samples(call.arguments.samples)
    frame = wb.ingest(truth["path"].tolist(), progress=call.out.progress)
    added = (frame["status"] == "added").sum()
    call.out.write_line(f"{added} sample pictures are in the store")
