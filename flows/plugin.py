"""Makes `prefect deployment run train-cyclegan` work: here a deployment has the name of its flow.

Prefect loads this module through the entry point group `prefect.plugins`, once a process, when the folder's
prefect.toml switches plugins on. It must stay quick to import: no torch, no other package of this project.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from prefect.plugins import HookContext, SetupResult, register_hook


@register_hook
def setup_environment(*, ctx: HookContext) -> SetupResult | None:
    """Let both of Prefect's clients take a bare NAME where they expect NAME/NAME."""
    # only now: Prefect itself is still being imported when it imports its plugins
    from prefect.client.orchestration import PrefectClient, SyncPrefectClient

    for client in (PrefectClient, SyncPrefectClient):
        setattr(client, "read_deployment_by_name", _bare_name_too(client.read_deployment_by_name))
    return None


def _bare_name_too(read: Callable[..., Any]) -> Callable[..., Any]:
    """`read(client, name)` for a full name; a coroutine function stays one, as its result is passed on."""

    @wraps(read)
    def wrapper(client: object, name: str) -> Any:
        return read(client, name if "/" in name else f"{name}/{name}")

    return wrapper
