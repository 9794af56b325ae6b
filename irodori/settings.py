"""Reads the settings from the environment: the storage, the source of pictures, and the task runner."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from irodori.errors import PipelineError

_PROJECT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Returns the default data folder: data/ in a checkout, otherwise the user's data folder of the platform."""
    is_checkout = (_PROJECT / "prefect.yaml").is_file()
    return _PROJECT / "data" if is_checkout else user_data_path("irodori", appauthor=False)


class Settings(BaseSettings):
    """Settings read from ``IRODORI_*`` variables. Credentials are not among them; boto3 reads those itself."""

    model_config = SettingsConfigDict(env_prefix="IRODORI_", frozen=True)

    storage: str = Field(
        default_factory=lambda: data_folder().as_uri(),
        description="file:///folder or s3://bucket/prefix; where everything rests",
    )
    source: str = Field(
        "https://safebooru.org",
        description="the board that build-dataset scrapes, or file:///folder or s3://bucket/prefix with pictures",
    )
    task_runner: Literal["threads", "processes", "dask"] = Field("threads", description="what runs batches of images")
    workers: int = Field(4, ge=1, le=256, description="how many batches at once")
    dask_scheduler: str = Field("", description="tcp://host:port of a Dask scheduler; empty starts one on this machine")

    database: str = Field(
        "", description="where the web page keeps its rows, as SQLAlchemy's URL; empty: a file web.sqlite"
    )
    page: str = Field("", description="address of the web page, to which runs of colorize-inbox link")

    @field_validator("page")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s#?]+", value):
            raise ValueError(f"{value!r} is no address of a page; it is like http://127.0.0.1:8100")
        return value.rstrip("/")

    @field_validator("dask_scheduler")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"(tcp|tls)://.+:\d+", value):
            raise ValueError(f"{value!r} is no address of a Dask scheduler; it is like tcp://host:8786")
        return value


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Returns the settings of this process.

    Raises:
        PipelineError: if a variable has a wrong value (its text is one line that names the variable).
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        raise PipelineError(f"IRODORI_{str(first['loc'][0]).upper()}: {first['msg']}") from error
