"""Lets Prefect's commands find the server that `make up` started, and deployments by their bare names.

Prefect loads this module through the entry point group `prefect.plugins`, once per process, if the folder's
prefect.toml enables plugins. It must be quick to import, so it does not import torch.
"""

import socket
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from prefect.plugins import HookContext, SetupResult, register_hook

from irodori.loopback import keep_loopback_direct
from irodori.stack import stack_variables


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Lets Prefect's clients accept NAME for NAME/NAME; if no server is set, sets that of `make up` if it runs."""
    keep_loopback_direct()
    take_bare_names()
    url = None if ctx.api_url else running_server()
    return SetupResult(env={"PREFECT_API_URL": url}, note="the server of `make up`") if url else None


def take_bare_names() -> None:
    """Makes `prefect deployment run train-cyclegan` work: each deployment here has the name of its flow."""
    # imported here, because Prefect is still being imported when it imports its plugins
    from prefect.client.orchestration import PrefectClient, SyncPrefectClient

    for client in (PrefectClient, SyncPrefectClient):
        # replaces the method by its name; if a release of Prefect renames it, the tests fail
        setattr(client, "read_deployment_by_name", _bare_name_too(client.read_deployment_by_name))  # noqa: B010


def running_server() -> str | None:
    """Returns the API URL that `make up` wrote to its file, if a server listens there."""
    url = stack_variables().get("PREFECT_API_URL")
    if url is None:
        return None
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=1).close()
    except OSError:
        return None
    return url


def _bare_name_too(read: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `read(client, name)` so that a bare name becomes NAME/NAME; `read` may be a coroutine function or not."""

    @wraps(read)
    def wrapper(client: object, name: str) -> Any:
        return read(client, name if "/" in name else f"{name}/{name}")

    return wrapper
