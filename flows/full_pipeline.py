"""Runs the whole chain: builds the dataset, trains on it, and colorizes the inbox."""

from typing import Annotated, Literal

from prefect import flow
from pydantic import Field

from cyclegan.training.config import PresetName
from flows.build_dataset import build_dataset
from flows.colorize_inbox import colorize_inbox
from flows.train_cyclegan import train_cyclegan
from irodori.datasets import Name
from irodori.overrides import Overrides
from scraping.politeness import Politeness
from tasks.errors import plain_errors
from tasks.scrape import Query


@flow(name="full-pipeline")
@plain_errors
def full_pipeline(
    name: Name = "default",
    lineart: Query = Query(),  # noqa: B008 - frozen
    colour: Query = Query(),  # noqa: B008
    size: Annotated[int, Field(ge=32, le=2048)] = 286,
    source: str | None = None,
    politeness: Politeness = Politeness(),  # noqa: B008 - frozen
    wrong_domain: Literal["drop", "move"] = "drop",
    teaches_little: Literal["drop", "keep"] = "drop",
    preset: PresetName = "default",
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
    credit: str = "",
) -> None:
    """Run build-dataset, train-cyclegan and colorize-inbox, one after the other.

    Args:
        name: Name of the dataset and of the model.
        lineart: Domain A, the drawings without colour: tags, or a folder within the source.
        colour: Domain B, the pictures to learn colour from: tags, or a folder within the source.
        size: Shortest side of the training pictures, in pixels; crops of 256 are taken from 286, as in the paper.
        source: Board to scrape, or file:///folder or s3://bucket/prefix; by default the value of IRODORI_SOURCE.
        politeness: Rate limits, retries and timeouts for requests to the board.
        wrong_domain: What becomes of grey pictures under the colour tags, and of coloured ones under the lineart tags.
        teaches_little: What becomes of colour pictures that are grey, nearly all dark, or mostly text.
        preset: Name of the training's settings, as in train-cyclegan.
        overrides: Changes to the preset; empty fields keep its values.
        credit: A line under the sheets that names the artist of the drawings.
    """
    build_dataset(
        name, lineart, colour, size, source, politeness, wrong_domain=wrong_domain, teaches_little=teaches_little
    )
    train_cyclegan(name, name, preset, overrides, credit)
    colorize_inbox(name, credit=credit)
