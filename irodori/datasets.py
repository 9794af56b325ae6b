"""Where the parts of one dataset rest, and what is fixed for all of its images."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from irodori.errors import PipelineError
from storage import Conflict, Manifest, Rows, Stage, Storage, open_storage

Domain = Literal["A", "B"]
Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="lower-case letters, digits, - and _; becomes a folder",
    ),
]


@dataclass(frozen=True)
class Dataset:
    """A dataset by name. Small and picklable: it travels to tasks, which open the storage themselves."""

    storage_url: str
    name: str

    @property
    def storage(self) -> Storage:
        return open_storage(self.storage_url)

    @property
    def manifest(self) -> Manifest:
        return Manifest(self.storage, f"datasets/{self.name}/manifest.csv")

    def key(self, stage: str, domain: str, sha256: str, extension: str = "png") -> str:
        return f"datasets/{self.name}/{stage}/{domain}/{sha256}.{extension}"

    def remaining(self, stage: Stage, domain: Domain) -> Rows:
        """What the stage before left for this one and this one has not done."""
        return self.manifest.remaining(stage, domain)

    def fix(self, **shared: Any) -> None:
        """Records what all images of the dataset share; a dataset built otherwise is refused.

        Raises:
            PipelineError: if the dataset exists with other values.
        """
        key = f"datasets/{self.name}/config.json"
        wanted = json.loads(json.dumps(shared))
        try:
            self.storage.replace(key, json.dumps(wanted, indent=2).encode(), None)
        except Conflict:
            found = self.shared()
            different = [name for name in wanted if found.get(name) != wanted[name]]
            if different:
                has = ", ".join(f"{name} {found.get(name)}" for name in different)
                raise PipelineError(
                    f"dataset {self.name!r} was built with {has}: take another dataset name for other values"
                ) from None

    def shared(self) -> dict[str, Any]:
        """What :meth:`fix` recorded. Raises NotFound for a dataset that was never built."""
        shared: dict[str, Any] = json.loads(self.storage.read(f"datasets/{self.name}/config.json"))
        return shared
