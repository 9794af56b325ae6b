"""Changes to a preset: every setting of a training by its own name, with the bounds and the words of the config."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from cyclegan.training.config import PresetName, TrainConfig, preset
from irodori.errors import PipelineError


class _Overrides(BaseModel):
    """What to change of a preset; empty fields keep it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def apply(self, name: PresetName) -> TrainConfig:
        """The preset with these changes.

        Raises:
            PipelineError: for values that cannot go together.
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
    """Each setting with its path, in the order in which they are written down."""
    for name, field in config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, (*path, name))
        elif name != "kind":  # of a method; the preset says which one
            yield (*path, name), field


def _optional(path: tuple[str, ...], field: FieldInfo, position: int) -> Any:
    """The same field, empty unless something is put into it."""
    section = path[-2] if len(path) > 1 else "training"
    words = f"{section}: {field.description}"
    about = Field(description=words, json_schema_extra={"position": position})  # Prefect's form sorts by it
    return Annotated[(field.annotation | None, *field.metadata, about)], None  # type: ignore[operator]


_FOUND = list(_settings(TrainConfig))
PATHS = {path[-1]: path for path, _ in _FOUND}
"""Where in a TrainConfig each setting is, by its own name."""
assert len(PATHS) == len(_FOUND), "two settings of one name could not be told apart in a form"

if TYPE_CHECKING:

    class Overrides(_Overrides):
        """See above; its fields are those of the configs."""

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
