"""Drawings and jobs as tests of the page's rows need them."""

from irodori.web.blobs import new_id
from irodori.web.jobs import Job
from irodori.web.limits import OWN, Limits
from irodori.web.rows import NewDrawing, Rows


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def accept(rows: Rows, client: str = "1.2.3.4", limits: Limits = OWN) -> str:
    drawing = NewDrawing(new_id(), "hero.png", "pink", client, 1000)
    rows.accept(drawing, limits)
    return drawing.id


def taken(rows: Rows, owner: str = "a") -> Job:
    job = rows.take(owner)
    assert job
    return job
