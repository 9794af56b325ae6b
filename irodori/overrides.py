"""Defines changes to a preset: the method, and each setting by its own name, with the config's bounds and words."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from cyclegan.training.config import METHODS, MethodName, PresetName, TrainConfig, preset
from cyclegan.training.presets import usual_method
from irodori.errors import PipelineError


class _Overrides(BaseModel):
    """Changes to a preset; an empty field keeps the preset's value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: MethodName | None = Field(
        None,
        description="training: what is learned, see docs/methods.md; the settings are those of its preset",
        json_schema_extra={"position": 0},
    )

    def apply(self, name: PresetName) -> TrainConfig:
        """Returns the preset of the method with these changes.

        Args:
            name: name of the preset.

        Raises:
            PipelineError: if the settings contradict each other, or are another method's (its text is one line).
        """
        method = self.method or usual_method(name)
        changes: dict[str, Any] = {}
        for field, value in self.model_dump(exclude_none=True, exclude={"method"}).items():
            if method not in OWNERS[field]:
                raise PipelineError(
                    f"{field} is no setting of method {method}, but of {', '.join(OWNERS[field])}: leave it out, or "
                    "choose another method"
                )
            *sections, last = PATHS[field]
            inner = changes
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[last] = value
        try:
            return preset(name, method).changed(changes)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise PipelineError(f"these settings cannot go together: {reason}") from error


def _settings(config: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Yields each setting with its path, in the order of the configs' fields."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, (*path, name))
        elif name not in ("kind", "method"):  # each method's settings are found by themselves
            yield (*path, name), field


def _all_settings() -> Iterator[tuple[tuple[str, ...], FieldInfo, list[MethodName]]]:
    """Yields each setting with its path and the methods that have it: those of the methods, then the others."""
    owners: dict[tuple[str, ...], list[MethodName]] = defaultdict(list)
    fields: dict[tuple[str, ...], FieldInfo] = {}
    for method, config in METHODS.items():
        for path, field in _settings(config, ("method",)):
            fields.setdefault(path, field)
            owners[path].append(method)
    fields |= dict(_settings(TrainConfig))
    return ((path, field, owners[path] or list(METHODS)) for path, field in fields.items())


def _optional(path: tuple[str, ...], field: FieldInfo, owners: Sequence[MethodName], position: int) -> Any:
    """Returns the annotation and the default of the same field made optional, with None as default."""
    section = path[-2] if len(path) > 1 else "training"
    whose = "" if len(owners) == len(METHODS) else f"; of method {' or '.join(owners)}"
    about = Field(  # Prefect's form sorts by the position
        description=f"{section}: {field.description}{whose}", json_schema_extra={"position": position}
    )
    return Annotated[(field.annotation | None, *field.metadata, about)], None  # type: ignore[operator]


_FOUND = list(_all_settings())
PATHS = {path[-1]: path for path, _, _ in _FOUND}  # the path of each setting in a TrainConfig, by the setting's name
OWNERS = {path[-1]: owners for path, _, owners in _FOUND}  # the methods that have it
assert len(PATHS) == len(_FOUND), "two settings of one name could not be told apart in a form"

if TYPE_CHECKING:

    class Overrides(_Overrides):
        """See _Overrides; the fields are those of the configs."""

        def __init__(self, **changes: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...
else:
    Overrides = create_model(
        "Overrides",
        __base__=_Overrides,
        __module__=__name__,
        __doc__=_Overrides.__doc__,
        **{
            path[-1]: _optional(path, field, owners, position)
            for position, (path, field, owners) in enumerate(_FOUND, start=1)
        },
    )
