"""Lists the settings that differ between an earlier run and the current request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cyclegan.training.config import identity_of


def changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yields a phrase for each difference on which the weights depend.

    Args:
        was: {"config": a dumped TrainConfig, ...} with the training's other inputs, nested in any way.
        now: the same for the current request.
    """
    before, after = (_flat({**asked, "config": identity_of(asked["config"])}) for asked in (was, now))
    values_before, values_after = _flat(was), _flat(now)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield f"{name} {values_before.get(name)!r} → {values_after.get(name)!r}"


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat
