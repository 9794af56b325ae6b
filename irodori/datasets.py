"""Locates the parts of a dataset in the storage, and keeps the settings that all of its images share."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from imaging.lineart import Normalization
from irodori.errors import PipelineError
from storage import Conflict, Manifest, Rows, Stage, Storage, open_storage

Domain = Literal["A", "B"]


@dataclass(frozen=True)
class Dataset:
    """A dataset by name. It is small and picklable: tasks receive it and open the storage themselves."""

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
        """Returns the ok rows of the previous stage that this stage has not processed yet."""
        return self.manifest.remaining(stage, domain)

    def fix(self, size: int, normalization: Normalization) -> None:
        """Records the settings that all images of the dataset share, on the first call.

        Args:
            size: shortest side of the training pictures, in pixels.
            normalization: how the lineart is toned.

        Raises:
            PipelineError: if the dataset was built with other values (its text is one line).
        """
        key = f"datasets/{self.name}/config.json"
        wanted: dict[str, Any] = {"size": size, "normalization": normalization.to_dict()}
        try:
            self.storage.replace(key, json.dumps(wanted, indent=2).encode(), None)
        except Conflict:
            found = self._shared()
            different = [name for name in wanted if found.get(name) != wanted[name]]
            if different:
                has = ", ".join(f"{name} {found.get(name)}" for name in different)
                raise PipelineError(
                    f"dataset {self.name!r} was built with {has}: take another dataset name for other values"
                ) from None

    def normalization(self) -> Normalization:
        """Returns how the lineart was toned.

        Raises:
            NotFound: if the dataset was never built.
        """
        return Normalization.from_dict(self._shared()["normalization"])

    def _shared(self) -> dict[str, Any]:
        shared: dict[str, Any] = json.loads(self.storage.read(f"datasets/{self.name}/config.json"))
        return shared
