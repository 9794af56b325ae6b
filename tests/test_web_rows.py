"""What the page records: nothing is in two hands, nothing is lost, and the limits hold, on both databases."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from irodori.errors import PipelineError
from irodori.web.blobs import new_id
from irodori.web.jobs import ATTEMPTS, GIVEN_UP, LEASE, Progress
from irodori.web.limits import DAY, OWN, PUBLIC
from irodori.web.refusal import Refused
from irodori.web.rows import NewDrawing, Rows
from irodori.web.tables import open_tables
from tests.postgres import postgres
from tests.web_rows import Clock, accept, taken


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'web.sqlite'}"
    found: str = request.getfixturevalue("postgres_url")
    engine = open_tables(found)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE web_drawings, web_jobs, web_arrivals"))
    engine.dispose()
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows(url: str, clock: Clock) -> Iterator[Rows]:
    with closing(Rows(url, clock)) as rows:
        yield rows


def test_a_job_goes_from_hand_to_hand(rows: Rows, clock: Clock) -> None:
    first, second = accept(rows), accept(rows)
    assert [rows.progress(each, "prepare", 0) for each in (first, second)] == [
        Progress("waiting", position=0),
        Progress("waiting", position=1),
    ]
    job = taken(rows)
    assert job.drawing == first
    assert rows.progress(first, "prepare", 0) == Progress("painting")
    assert taken(rows, "b").drawing == second
    assert rows.take("c") is None
    clock.now += LEASE - 1
    rows.renew("a")
    clock.now += 2  # b's lease has ended, a's has not
    assert taken(rows, "c").drawing == second
    assert rows.finish(job, "a", "done")
    assert rows.progress(first, "prepare", 0) == Progress("done")


def test_who_lost_the_lease_ends_nothing(rows: Rows, clock: Clock) -> None:
    accept(rows)
    job = taken(rows)
    clock.now += LEASE + 1
    again = taken(rows, "b")
    assert not rows.finish(job, "a", "done")
    assert rows.finish(again, "b", "done")
    assert not rows.finish(again, "b", "done")


def test_what_kills_painters_is_given_up(rows: Rows, clock: Clock) -> None:
    drawing = accept(rows)
    for _ in range(ATTEMPTS):
        taken(rows)
        clock.now += LEASE + 1
    assert rows.take("a") is None
    assert rows.progress(drawing, "prepare", 0) == Progress("failed", GIVEN_UP)


def test_what_could_not_be_tried_is_no_attempt(rows: Rows, clock: Clock) -> None:
    accept(rows)
    for _ in range(ATTEMPTS + 1):
        rows.put_back(taken(rows), "a")
        assert rows.take("a") is None  # for a while, others go first
        clock.now += 6
    assert rows.finish(taken(rows), "a", "done")


def test_an_ended_painter_s_jobs_are_free_and_told_to_end_it_has_not_failed(rows: Rows) -> None:
    accept(rows)
    taken(rows)
    rows.release("a")
    for _ in range(ATTEMPTS + 1):
        taken(rows)
        rows.release("a", tried=False)
    assert rows.finish(taken(rows), "a", "done")


def test_two_windows_on_one_drawing_of_the_inbox_know_of_each_other(rows: Rows) -> None:
    one, other = (NewDrawing(new_id(), "a.png", model, "me", 1000, inbox="a.png") for model in ("pink", "blue"))
    for each in (one, other):
        rows.accept(each, OWN)
    assert rows.save_edits(one.id, '{"variant": 2}', 0) == 1
    assert rows.find(other.id).edits == '{"variant": 2}'
    with pytest.raises(Refused, match="another window"):
        rows.save_edits(other.id, '{"variant": 3}', 0)


def test_one_client_leaves_room_for_the_files_of_others(rows: Rows) -> None:
    one, other = accept(rows, "1.1.1.1"), accept(rows, "2.2.2.2")
    for version in range(PUBLIC.waiting_each):
        rows.ask(one, "png", version, PUBLIC)
    with pytest.raises(Refused, match="3 of your files wait already"):
        rows.ask(one, "png", 9, PUBLIC)
    rows.ask(other, "png", 0, PUBLIC)


def test_no_job_is_in_two_hands(url: str, rows: Rows) -> None:
    for _ in range(24):
        accept(rows)
    found: list[int] = []

    def work(owner: str) -> None:
        with closing(Rows(url)) as own:
            while job := own.take(owner):
                found.append(job.id)
                own.finish(job, owner, "done")

    workers = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(found) == sorted(set(found))
    assert len(found) == 24


def test_of_a_hundred_at_once_fifty_are_taken(rows: Rows) -> None:
    refused: list[Refused] = []

    def upload() -> None:
        try:
            accept(rows)
        except Refused as error:
            refused.append(error)

    uploads = [threading.Thread(target=upload) for _ in range(100)]
    for each in uploads:
        each.start()
    for each in uploads:
        each.join()
    assert len(refused) == 50
    assert rows.counts() == {"waiting": 50}
    assert {(each.status, bool(each.retry_after)) for each in refused} == {(429, True)}
    for number in range(OWN.waiting - OWN.waiting_each):
        accept(rows, f"1.1.1.{number}")  # for others there is room
    with pytest.raises(Refused, match="100 drawings wait already") as error:
        accept(rows, "another")
    assert (error.value.status, bool(error.value.retry_after)) == (503, True)


def test_one_client_takes_no_more_than_its_share(rows: Rows, clock: Clock) -> None:
    for _ in range(PUBLIC.waiting_each):
        accept(rows, limits=PUBLIC)
    with pytest.raises(Refused, match=r"wait already") as error:
        accept(rows, limits=PUBLIC)
    assert (error.value.status, bool(error.value.retry_after)) == (429, True)
    accept(rows, client="another", limits=PUBLIC)
    for _ in range(PUBLIC.hourly_each - PUBLIC.waiting_each):
        while job := rows.take("a"):
            rows.finish(job, "a", "done")
        accept(rows, limits=PUBLIC)
    while job := rows.take("a"):
        rows.finish(job, "a", "done")
    with pytest.raises(Refused, match="one hour"):
        accept(rows, limits=PUBLIC)
    clock.now += 3601
    accept(rows, limits=PUBLIC)


def test_who_sends_much_holds_nobody_up(rows: Rows) -> None:
    many = [accept(rows, "1.1.1.1") for _ in range(20)]
    for _ in range(5):
        rows.finish(taken(rows), "a", "done")
    single, double = accept(rows, "2.2.2.2"), accept(rows, "2.2.2.2")
    waiting = rows.progress(single, "prepare", 0)
    assert waiting
    assert waiting.position == 1
    rows.ask(single, "png", 0, OWN)
    order = [taken(rows, str(number)) for number in range(8)]
    assert [job.drawing for job in order] == [many[5], single, many[6], double, *many[7:11]]
    rows.finish(order[1], "1", "done")
    assert (taken(rows).drawing, taken(rows).drawing) == (single, many[11])


def test_what_is_forgotten_or_on_its_way_counts(rows: Rows, clock: Clock) -> None:
    under_way = [rows.admit("1.2.3.4", PUBLIC) for _ in range(PUBLIC.waiting_each)]
    with pytest.raises(Refused, match="3 of your drawings wait already"):
        rows.admit("1.2.3.4", PUBLIC)
    rows.withdraw(under_way.pop())
    new = NewDrawing(new_id(), "hero.png", "pink", "1.2.3.4", 1000)
    rows.accept(new, PUBLIC, rows.admit("1.2.3.4", PUBLIC))
    clock.now += 3 * PUBLIC.upload_seconds  # the page that received the other two was killed
    for _ in range(PUBLIC.hourly_each - 1):
        drawing = accept(rows, limits=PUBLIC)
        rows.mark_gone(drawing)
        rows.remove(drawing)
    with pytest.raises(Refused, match="20 drawings in one hour"):
        rows.admit("1.2.3.4", PUBLIC)


def test_own_and_public_page_share_nothing(url: str, rows: Rows) -> None:
    drawing = accept(rows)
    with closing(Rows(url, public=True)) as public:
        assert public.take("a") is None
        assert public.known() == set()
        with pytest.raises(Refused, match="expired"):
            public.find(drawing)
        theirs = accept(public, limits=PUBLIC)
        assert public.expire(PUBLIC) == []
    assert (taken(rows).drawing, rows.take("a")) == (drawing, None)
    assert rows.known() == {drawing}
    assert theirs != drawing


def test_tables_of_an_earlier_version_get_what_they_lack(url: str, rows: Rows) -> None:
    drawing = accept(rows)
    rows.close()
    engine = open_tables(url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE web_jobs DROP COLUMN turn"))
    engine.dispose()
    with closing(Rows(url)) as again:
        assert taken(again).drawing == drawing


def test_of_two_windows_one_saves(rows: Rows) -> None:
    drawing = accept(rows)
    for _ in range(2):  # sent again, since the answer was lost
        assert rows.save_edits(drawing, '{"variant": 2}', 0) == 1
    with pytest.raises(Refused, match="another window") as error:
        rows.save_edits(drawing, '{"variant": 3}', 0)
    assert error.value.status == 412
    assert rows.find(drawing).edits == '{"variant": 2}'


def test_exports_come_after_their_drawing_and_failed_ones_again(rows: Rows) -> None:
    drawing = accept(rows)
    rows.finish(taken(rows), "a", "done")
    other = accept(rows)
    prepare = taken(rows)
    rows.ask(other, "png", 0, OWN)
    assert rows.take("b") is None  # while another painter has the drawing in hand
    rows.finish(prepare, "a", "done")
    rows.finish(taken(rows, "b"), "b", "done")
    for _ in range(2):  # asked twice, made once
        rows.ask(drawing, "png", 0, OWN)
    job = taken(rows)
    assert (job.kind, rows.take("b")) == ("png", None)
    rows.finish(job, "a", "failed", "no room")
    rows.ask(drawing, "png", 0, OWN)
    assert taken(rows).id == job.id


def test_what_nobody_uses_expires(rows: Rows, clock: Clock) -> None:
    drawing, other = accept(rows), accept(rows)
    clock.now += 0.9 * DAY
    rows.find(drawing, use=True)
    clock.now += 0.2 * DAY
    assert rows.expire(PUBLIC) == [other]
    with pytest.raises(Refused, match="expired") as error:
        rows.find(other)
    assert error.value.status == 404
    with pytest.raises(Refused, match="expired"):
        rows.save_edits(other, "{}", 0)
    assert rows.expire(PUBLIC) == [other]  # until it is removed
    rows.remove(other)
    assert rows.expire(PUBLIC) == []
    assert rows.known() == {drawing}
    clock.now += 7 * DAY
    rows.find(drawing, use=True)
    assert rows.expire(PUBLIC) == [drawing]


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/missing/x", "postgresql+psycopg://nobody@127.0.0.1:1/x", "nonsense"):
        with pytest.raises(PipelineError, match=r"^IRODORI_DATABASE: .*cannot be opened .*$") as error:
            Rows(url)
        assert "\n" not in str(error.value)
