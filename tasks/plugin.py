"""Lets Prefect's commands find what `make up` started, and deployments by their bare names.

Prefect loads this module through the entry point group `prefect.plugins`, once a process, when the folder's
prefect.toml switches plugins on. It must stay quick to import: no torch, nothing that takes time.
"""

import socket
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from prefect.plugins import HookContext, SetupResult, register_hook

from irodori.stack import stack_variables


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Let Prefect's clients take NAME for NAME/NAME; where no server is set, name the one of `make up`."""
    take_bare_names()
    url = None if ctx.api_url else running_server()
    return SetupResult(env={"PREFECT_API_URL": url}, note="the server of `make up`") if url else None


def take_bare_names() -> None:
    """`prefect deployment run train-cyclegan`: here a deployment has the name of its flow."""
    # only now: Prefect is still being imported when it imports its plugins
    from prefect.client.orchestration import PrefectClient, SyncPrefectClient

    for client in (PrefectClient, SyncPrefectClient):
        # its methods are found by this name and nothing else; a release that renames them fails the tests
        setattr(client, "read_deployment_by_name", _bare_name_too(client.read_deployment_by_name))  # noqa: B010


def running_server() -> str | None:
    """The API URL that `make up` wrote down, if something listens there."""
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
    """`read(client, name)`, called with the full name; what it returns is passed on, awaitable or not."""

    @wraps(read)
    def wrapper(client: object, name: str) -> Any:
        return read(client, name if "/" in name else f"{name}/{name}")

    return wrapper
