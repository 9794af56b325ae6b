"""Answers those who wait for what a painter makes: where it will be, and how far it is."""

from fastapi.responses import JSONResponse

from irodori.web.context import Service
from irodori.web.jobs import Progress
from irodori.web.refusal import Refused


def asked(place: str) -> JSONResponse:
    """Answers a request for something: it is accepted, and will be at a place."""
    return JSONResponse({"place": place}, 202, headers={"Location": place})


def progress_of(service: Service, id_: str, kind: str, version: int, *, missing: str) -> Progress:
    """Tells how far what was asked for is: waiting, painting or done.

    Raises:
        Refused: nobody asked for it, which `missing` says; or it failed.
    """
    progress = service.rows.progress(id_, kind, version)
    if progress is None:
        raise Refused(404, missing)
    if progress.state == "failed":
        raise Refused(409, progress.reason)
    return progress
