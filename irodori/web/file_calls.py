"""Answers the calls that exchange other files: exports, and pictures whose colours are taken."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from irodori.web.blobs import edits_name, export_name, reference_name
from irodori.web.context import PICTURE, Service
from irodori.web.limits import EXPORTS
from irodori.web.receiving import check_disk, heard, receive_picture
from irodori.web.refusal import Refused
from irodori.web.waiting import asked, progress_of

_MEDIA = {"png": "image/png", "ora": "image/openraster", "psd": "image/vnd.adobe.photoshop"}
assert set(_MEDIA) == set(EXPORTS)
_MOST = 2**31 - 1  # of numbers that databases take


def add_file_calls(calls: APIRouter, service: Service) -> None:
    """Adds the calls."""
    _add_exports(calls, service)
    _add_references(calls, service)


def _add_exports(calls: APIRouter, service: Service) -> None:
    rows, blobs = service.rows, service.blobs

    @calls.post("/drawings/{id_}/exports/{kind}", status_code=202)
    def ask(id_: str, kind: Literal["png", "ora", "psd"]) -> JSONResponse:
        """Ask for a file of the drawing as it is now, at full size; Location names it."""
        drawing = service.drawing(id_, use=True)
        check_disk(service.disk, service.limits)
        blobs.write(id_, edits_name(drawing.version), drawing.edits.encode())
        rows.ask(id_, kind, drawing.version, service.limits)
        place = f"/api/drawings/{id_}/exports/{kind}?version={drawing.version}"
        return asked(place)

    @calls.get("/drawings/{id_}/exports/{kind}")
    def fetch(id_: str, kind: Literal["png", "ora", "psd"], version: Annotated[int, Query(ge=0, le=_MOST)]) -> Response:
        """Fetch the file, once it is there; until then the answer is 202."""
        drawing = service.drawing(id_)
        missing = "nobody asked for this file: POST to the same place first"
        progress = progress_of(service, id_, kind, version, missing=missing)
        if progress.state != "done":
            return JSONResponse({"state": progress.state, "position": progress.position}, 202)
        name = f"{Path(drawing.name).stem or 'drawing'}.{kind}"
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
        return Response(blobs.read(id_, export_name(version, kind)), media_type=_MEDIA[kind], headers=headers)


def _add_references(calls: APIRouter, service: Service) -> None:
    rows, blobs, limits = service.rows, service.blobs, service.limits

    @calls.post("/drawings/{id_}/references", status_code=202, openapi_extra=PICTURE)
    async def measure(id_: str, request: Request) -> JSONResponse:
        """Ask for the palette of a picture, which is not kept; Location names it."""
        await run_in_threadpool(service.drawing, id_)
        number = secrets.randbelow(1 << 30)
        async with heard(request, limits):
            file, _ = await receive_picture(request, limits)
            with file:
                check_disk(service.disk, limits)
                await run_in_threadpool(blobs.write, id_, reference_name(number), file)
        try:
            await run_in_threadpool(rows.ask, id_, "reference", number, limits)
        except Refused:
            await run_in_threadpool(blobs.remove, id_, reference_name(number))
            raise
        place = f"/api/drawings/{id_}/references/{number}"
        return asked(place)

    @calls.get("/drawings/{id_}/references/{number}")
    def palette(id_: str, number: Annotated[int, PathParameter(ge=0, le=_MOST)]) -> Response:
        """The palette, once it is there; until then the answer is 202."""
        service.drawing(id_)
        progress = progress_of(service, id_, "reference", number, missing="nobody gave this picture")
        if progress.state != "done":
            return JSONResponse({"state": progress.state}, 202)
        return JSONResponse(json.loads(blobs.read(id_, f"{reference_name(number)}.json")))
