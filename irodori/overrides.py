"""Defines changes to a preset: each setting of a training by its own name, with the config's bounds and description."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from cyclegan.training.config import PresetName, TrainConfig, preset
from irodori.errors import PipelineError


class _Overrides(BaseModel):
    """Changes to a preset; an empty field keeps the preset's value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def apply(self, name: PresetName) -> TrainConfig:
        """Returns the preset with these changes.

        Args:
            name: name of the preset.

        Raises:
            PipelineError: if the settings contradict each other (its text is one line).
        """
        changes: dict[str, Any] = {}
        for field, value in self.model_dump(exclude_none=True).items():
            *sections, last = PATHS[field]
            inner = changes
            for section in sections:
                inner = inner.setdefault(section, {})
            inner[last] = value
        try:
            return preset(name).changed(changes)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise PipelineError(f"these settings cannot go together: {reason}") from error


def _settings(config: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Yields each setting with its path, in the order of the configs' fields."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, (*path, name))
        elif name != "kind":  # selects the method, which the preset determines
            yield (*path, name), field


def _optional(path: tuple[str, ...], field: FieldInfo, position: int) -> Any:
    """Returns the annotation and the default of the same field made optional, with None as default."""
    section = path[-2] if len(path) > 1 else "training"
    words = f"{section}: {field.description}"
    about = Field(description=words, json_schema_extra={"position": position})  # Prefect's form sorts by it
    return Annotated[(field.annotation | None, *field.metadata, about)], None  # type: ignore[operator]


_FOUND = list(_settings(TrainConfig))
PATHS = {path[-1]: path for path, _ in _FOUND}  # the path of each setting in a TrainConfig, by the setting's name
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
        **{path[-1]: _optional(path, field, position) for position, (path, field) in enumerate(_FOUND)},
    )
