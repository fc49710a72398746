"""Convert the filter of a review to URL parameters and back."""

from collections.abc import Mapping

from imgurer_kernel.ui.models.review_queue import SHOWN, QueueFilter
from imgurer_kernel.ui.models.review_summary import KINDS
from imgurer_kernel.ui.routing.address import whole_number

_TEXTS = ("folder", "user", "camera", "text")
# Above 2**53 numbers in a browser lose precision.
_NUMBERS = {"since": 9999, "until": 9999, "least_bytes": 1 << 53}


def filter_params(wanted: QueueFilter) -> dict[str, str]:
    """Return the parameters that differ from their defaults.

    Examples
    --------
    >>> filter_params(QueueFilter(show="later", text="beach"))
    {'show': 'later', 'text': 'beach'}
    """
    params = {} if wanted.show == "open" else {"show": wanted.show}
    if wanted.kinds:
        params["kinds"] = ",".join(name for name in KINDS if name in wanted.kinds)
    params |= {name: getattr(wanted, name) for name in _TEXTS if getattr(wanted, name)}
    return params | {name: str(getattr(wanted, name)) for name in _NUMBERS if getattr(wanted, name)}


def parse_filter(params: Mapping[str, str]) -> QueueFilter:
    """Parse a filter, ignoring invalid parameters: users may edit a URL.

    Examples
    --------
    >>> parse_filter({"show": "nothing", "kinds": "identical,x"}).kinds
    frozenset({'identical'})
    """
    show = params.get("show", "open")
    kinds = frozenset(params.get("kinds", "").split(",")) & frozenset(KINDS)
    texts = {name: params.get(name, "") for name in _TEXTS}
    numbers = {name: whole_number(params.get(name), 0, 0, most) for name, most in _NUMBERS.items()}
    return QueueFilter(
        show=show if show in SHOWN else "open",
        kinds=kinds,
        folder=texts["folder"],
        user=texts["user"],
        camera=texts["camera"],
        text=texts["text"],
        since=numbers["since"],
        until=numbers["until"],
        least_bytes=numbers["least_bytes"],
    )
