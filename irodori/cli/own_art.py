"""Trains on one's own art from a terminal: `irodori train INK PAINTED --model NAME`, without any server."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from pydantic import TypeAdapter, ValidationError
from rich.filesize import decimal
from rich.markup import escape

from cyclegan.training.config import PresetName
from imaging.domain import WRONG_DOMAIN
from imaging.lineart import Normalization
from imaging.teaching import TEACHES_LITTLE
from irodori.cli.tally import out
from irodori.cli.waiting import Waiting, duration
from irodori.datasets import Dataset
from irodori.errors import PipelineError
from irodori.models import Model, Run
from irodori.names import Name
from irodori.overrides import Overrides
from irodori.own_art import (
    KINDS,
    Sources,
    check_kinds,
    check_room,
    check_room_for_copies,
    counts,
    folders,
    free_bytes,
    not_read,
    shown_path,
)
from irodori.settings import settings
from irodori.thin import thin
from storage import Row

if TYPE_CHECKING:
    from cyclegan.training.config import TrainConfig
    from cyclegan.training.dataset import TrainingData
    from cyclegan.training.pace import Pace

Tell = Callable[..., None]  # called with a line that stays, and its style
# pictures; fewer are passed more often, not trained on less: as many steps are made as the preset `demo` makes of these
_ENOUGH = 650
_ROOM_FOR_CROPS = 286 / 256  # the side of the training pictures, as a share of the crop's, as published


@dataclass(frozen=True)
class Wanted:
    """A training on one's own art.

    Attributes:
        sources: where the pictures are.
        folders: the folders of lineart and of colour pictures; none for a board.
        model: name of the model, and of its dataset.
        preset: name of the settings to begin with; None: what suits this machine.
        overrides: changes to the preset.
        credit: a line under the sample sheets.
        serve: whether the run serves at once.
        keep_all: whether colour pictures stay that teach little.
    """

    sources: Sources
    folders: Sequence[Path]
    model: str
    preset: PresetName | None
    overrides: Overrides
    credit: str
    serve: bool
    keep_all: bool = False


def asked_sources(given: Sequence[Path], tags: Sequence[str]) -> Sources:
    """Returns the sources that two folders, or two times tags, name; lineart is first.

    Raises:
        typer.BadParameter: if there are not two of either.
        PipelineError: if the folders cannot be used (its text is one line).
    """
    if given and tags:
        raise typer.BadParameter("give two folders, or --tags twice, not both", param_hint="--tags")
    if tags:
        if len(tags) != 2:
            raise typer.BadParameter("give it twice: first for lineart, then for colour", param_hint="--tags")
        board = settings().source
        return Sources(board, tags[0], tags[1], names=(f"{board} {tags[0]}", f"{board} {tags[1]}"))
    if len(given) != 2:
        raise typer.BadParameter("give two folders: of lineart, then of colour pictures", param_hint="INK PAINTED")
    return folders(*given)


def train_on_own_art(wanted: Wanted) -> None:
    """Builds the dataset, says what will be trained and what is thin, trains, and says where everything is.

    Raises:
        PipelineError: if something cannot go on (its text is one line).
    """
    _check_name(wanted.model)
    dataset, model = Dataset(settings().storage, wanted.model), Model(settings().storage, wanted.model)
    if wanted.sources.is_new_to(dataset) and wanted.folders:
        check_kinds(*wanted.folders)
        check_room_for_copies(dataset.storage_url, wanted.folders)
    preset, suits = _preset(wanted)
    config = wanted.overrides.apply(preset)
    size = round(config.data.crop * _ROOM_FOR_CROPS)
    wanted.sources.keep_for(dataset)  # first, as a dataset without them is build-dataset's
    _fix_size(dataset, size, preset)
    from irodori.cli.flows import Here

    with Waiting() as waiting, Here.open(waiting.show) as here:
        waiting.say("starting")
        here.build(dataset.name, wanted.sources, size, wanted.keep_all)
        _tell_found(dataset, wanted, waiting.tell)
        _check_usable(dataset, wanted.sources)
        rows = here.load(dataset)
        _tell_thin(dataset, rows, here.sample, waiting.tell)
        overrides = _long_enough(wanted.overrides, preset, rows)
        config = overrides.apply(preset)
        run = here.run_of(model, preset, config)
        waiting.tell(f"preset    {preset}: {suits}")
        if run.result() is None:
            waiting.say("measuring how long it takes here")
            waiting.pace = here.pace(config)
            _check_room_for_checkpoints(config, waiting.pace, run)
            _tell_time(waiting.pace, run, waiting.tell)
        _tell_place(dataset, run, waiting.tell)
        waiting.say("beginning")
        here.train(dataset.name, model.name, preset, overrides, wanted.credit, wanted.serve)
    _tell_result(model, run)


def _check_name(model: str) -> None:
    try:
        TypeAdapter(Name).validate_python(model)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(reason, param_hint="--model") from error


def _preset(wanted: Wanted) -> tuple[PresetName, str]:
    """Returns the preset, and why it is that."""
    if wanted.preset:
        return wanted.preset, "as asked"
    if wanted.overrides.apply("default").resolved_device() == "cuda":
        return "default", "there is a GPU"
    return "demo", "the quickest, as there is no GPU that torch can use; small sees more and takes an hour or so"


def _fix_size(dataset: Dataset, size: int, preset: PresetName) -> None:
    try:
        dataset.fix(size, Normalization())
    except PipelineError as error:
        raise PipelineError(
            f"model {dataset.name!r} was begun with pictures of another size than {size} px, which preset {preset} "
            "takes here: give the former --preset and --crop again, or another --model"
        ) from error


def _long_enough(overrides: Overrides, preset: PresetName, rows: Sequence[Row]) -> Overrides:
    """Adds epochs where few pictures would mean few steps, unless the epochs were asked for."""
    from cyclegan.training.schedule import Schedule

    config = overrides.apply(preset)
    phases = config.schedule.model_dump()
    trained = Counter(row.domain for row in rows if row.split == "train")
    steps = Schedule.of(config, trained["A"], trained["B"]).total
    least = Schedule.of(Overrides(method=config.method.kind).apply("demo"), _ENOUGH, _ENOUGH).total
    if steps >= least or overrides.model_dump(include=set(phases), exclude_none=True):
        return overrides
    longer = least / max(1, steps)
    return overrides.model_copy(update={name: round(epochs * longer, 2) for name, epochs in phases.items()})


def _tell_found(dataset: Dataset, wanted: Wanted, tell: Tell) -> None:
    """Says how many pictures of each kind were found and kept, and why the others were not."""
    for number, (domain, kind) in enumerate(KINDS.items()):
        found, kept, reasons = counts(dataset, domain)
        tell(f"{kind:<10}{escape(wanted.sources.names[number])}: {found:,} found, {kept:,} kept")
        for reason, times in reasons.most_common():
            remedy = " (--keep-all keeps them)" if domain == "B" and reason in TEACHES_LITTLE else ""
            tell(f"          {times:,} left out: {escape(_in_folders(reason))}{remedy}")
        if wanted.folders and (others := not_read(wanted.folders[number])):
            tell(f"          not read: {escape(others)}")


def _in_folders(reason: str) -> str:
    """Says a reason of the manifest to somebody who has folders and no tags."""
    return reason.replace(" under a lineart tag", " among the lineart").replace(
        " under a colour tag", " among the colour"
    )


def _check_usable(dataset: Dataset, sources: Sources) -> None:
    for (domain, kind), place in zip(KINDS.items(), sources.names, strict=True):
        found, kept, _ = counts(dataset, domain)
        if not kept:
            raise PipelineError(f"none of the {found:,} pictures for {kind} in {place} can be trained on: see above")


def _tell_thin(dataset: Dataset, rows: Sequence[Row], sample: "TrainingData", tell: Tell) -> None:
    from cyclegan.scoring.judge import FEWEST_TO_SCORE

    found, kept, reasons = counts(dataset, "B")
    grey = sum(number for reason, number in reasons.items() if reason in WRONG_DOMAIN) / max(1, found)
    held_out = Counter(row.domain for row in rows if row.split == "held-out")
    for line in thin(kept, [held_out["A"], held_out["B"]], FEWEST_TO_SCORE, grey, sample.a, sample.b):
        tell(f"thin      {line}", "yellow")


def _check_room_for_checkpoints(config: "TrainConfig", pace: "Pace", run: Run) -> None:
    """Checks the storage, and the folder for temporary files, which a training keeps its checkpoints in, too."""
    files = config.keep + config.keep_best + 2  # the one that serves, and the one that is being written
    needed = files * pace.checkpoint_bytes
    check_room(run.model.storage_url, needed - sum(entry.size for entry in run.checkpoints()), "its checkpoints")
    if (free := shutil.disk_usage(tempfile.gettempdir()).free) < needed:
        raise PipelineError(
            f"{tempfile.gettempdir()} has {decimal(free)} free, and the checkpoints need {decimal(needed)} there while "
            "it trains: free some, or set TMPDIR to another folder"
        )


def _tell_time(pace: "Pace", run: Run, tell: Tell) -> None:
    from cyclegan.training.checkpoints import checkpoint_step

    done = max((checkpoint_step(Path(entry.key)) for entry in run.checkpoints()), default=0)
    steps = f"{pace.schedule.total:,} steps"
    which = f"the rest of {steps} here, as it goes on where it stopped, at {done:,}" if done else f"{steps} here"
    tell(f"time      about {duration(pace.begin + pace.left(done))} for {which}, as measured just now")


def _tell_place(dataset: Dataset, run: Run, tell: Tell) -> None:
    free = free_bytes(dataset.storage_url)
    room = f" ({decimal(free)} free)" if free is not None else ""
    url = dataset.storage_url
    tell(f"rests in  {escape(shown_path(url))}{room}: datasets/{dataset.name}, models/{dataset.name}")
    tell(f"watch     {escape(shown_path(f'{url}/{run.prefix}index.html'))} in a browser, anew at each checkpoint")


def _tell_result(model: Model, run: Run) -> None:
    best, result = model.best(), run.result()
    if result is None or best.run != run.id:
        why = (
            "this one scored no higher" if result and result.parts else "too few pictures are held out to compare them"
        )
        out.print(f"done      the model goes on serving run {best.run}, as {why}: --serve lets this one serve")
    else:
        out.print(f"done      {escape(result.reason)}")
    out.print(f"page      {escape(shown_path(f'{model.storage_url}/{run.prefix}index.html'))}")
    out.print(f"colour    irodori colorize DRAWINGS OUT --model {escape(model.name)}")
