"""Tests which run may write best.json, and what a best.json must say."""

import re
import threading
from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from irodori.errors import PipelineError
from irodori.models import Model, Run, Served
from irodori.names import Name
from storage import Storage
from tests.factories import served


def run(storage: Storage, of: int, takes_over: bool = False) -> Run:
    return replace(Model(storage.url, "m").run("tiny", of=of), takes_over=takes_over)


def of(run: Run, step: int = 1) -> Served:
    return served(f"{run.prefix}checkpoints/{step}.pt", run=run.id, step=step)


def test_only_the_run_that_serves_replaces_its_checkpoint(storage: Storage) -> None:
    first, second = run(storage, 1), run(storage, 2)
    assert first.other() is None
    assert first.serve(of(first)) and first.serve(of(first, 2))
    assert not second.serve(of(second))
    assert first.model.best() == of(first, 2) == second.other()
    assert first.other() is None


def test_a_run_replaces_the_checkpoint_that_it_was_compared_with_and_no_newer_one(storage: Storage) -> None:
    first, second = run(storage, 1), run(storage, 2)
    first.serve(of(first))
    seen = second.other()
    first.serve(of(first, 2))
    second.finish(of(second), seen)
    assert first.model.best() == of(first, 2) and second.result() == of(second)
    second.finish(of(second), second.other())
    assert first.model.best() == of(second)
    assert not first.serve(of(first, 3))


def test_a_run_takes_over_when_the_user_says_so_whatever_is_there(storage: Storage) -> None:
    first, second = run(storage, 1), run(storage, 2, takes_over=True)
    first.serve(of(first))
    assert second.serve(of(second)) and first.model.best() == of(second)
    storage.write(first.model.best_key, b"cut off")
    assert not first.serve(of(first))
    assert second.serve(of(second)) and first.model.best() == of(second)


def test_runs_that_begin_at_the_same_time_do_not_replace_each_other(storage: Storage) -> None:
    runs = [run(storage, number) for number in range(6)]
    done: list[bool] = []
    start = threading.Barrier(len(runs))

    def serve(each: Run) -> None:
        start.wait()
        done.append(each.serve(of(each)))

    threads = [threading.Thread(target=serve, args=(each,)) for each in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"checkpoint": "models/m/ru', b"[]", b"{}", b"null", b"\xff\xfe", b'{"checkpoint": null}',
     b'{"checkpoint": "a.pt", "weights": "both"}', b'{"checkpoint": "a.pt", "run": "r", "step": null}'],
)  # fmt: skip
def test_a_damaged_best_json_is_one_line_that_names_it(storage: Storage, data: bytes) -> None:
    model = Model(storage.url, "m")
    storage.write(model.best_key, data)
    with pytest.raises(PipelineError) as error:
        model.best()
    assert str(error.value).startswith("models/m/best.json does not say what the model serves (")
    assert str(error.value).endswith("): delete it and train again") and "\n" not in str(error.value)


TAGS = ["watercolor_(medium)", "k-on!", "re:zero", "pokémon", "水彩", "1girl", "a&b=c+d,e;f", "fate'_@$^~.x", "é" * 63]


@pytest.mark.parametrize("tag", TAGS)
def test_a_model_is_called_as_a_tag_is(storage: Storage, tag: str) -> None:
    assert TypeAdapter(Name).validate_python(tag) == tag
    assert re.search(TypeAdapter(Name).json_schema()["pattern"], tag)
    trained = Model(storage.url, tag).run("tiny", of=1)
    trained.finish(of(trained))
    assert Model(storage.url, tag).best() == of(trained) == trained.result()
    assert {entry.key for entry in storage.list("models/")} == {trained.model.best_key, f"{trained.prefix}result.json"}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "../a", "a b", "A", "-x", "~x", ".x", "a\\b", "a\n", "a*", "a?", "a#", "a%2f", "x" * 64],
)
def test_what_cannot_be_a_folder_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Name).validate_python(name)
    assert f"{name!r} cannot be the name of a folder" in str(error.value)
    assert not re.search(TypeAdapter(Name).json_schema()["pattern"], name) or name.endswith("\n")
