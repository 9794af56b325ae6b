"""Answers the calls for what a painter makes while somebody looks: pieces, other shadows, colour sheets."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse

from irodori.names import Name
from irodori.web.blobs import edits_name, version_name
from irodori.web.context import Service
from irodori.web.edits import read_edits
from irodori.web.limits import Edge, Light
from irodori.web.receiving import check_disk
from irodori.web.refusal import Refused
from irodori.web.sheets import SheetRequest, Sheets
from irodori.web.waiting import asked, progress_of

_MOST = 2**31 - 1  # of numbers that databases take
Number = Annotated[int, PathParameter(ge=0, le=_MOST)]


def add_made_calls(calls: APIRouter, service: Service) -> None:
    """Adds the calls."""
    _add_pieces(calls, service)
    _add_shadows(calls, service)
    if service.sheets is not None:
        _add_sheets(calls, service, service.sheets)


def _add_pieces(calls: APIRouter, service: Service) -> None:
    @calls.post("/drawings/{id_}/pieces", status_code=202)
    def cut(id_: str) -> JSONResponse:
        """Ask for the pieces into which strokes cut areas, by the edits as they are now; Location names them."""
        drawing = service.drawing(id_, use=True)
        check_disk(service.disk, service.limits)
        service.blobs.write(id_, edits_name(drawing.version), drawing.edits.encode())
        service.rows.ask(id_, "pieces", drawing.version, service.limits)
        return asked(f"/api/drawings/{id_}/pieces/{drawing.version}")

    @calls.get("/drawings/{id_}/pieces/{version}")
    def pieces(id_: str, version: Number) -> Response:
        """A line of JSON with each piece's number, area and colour, then labels with them; until then, 202."""
        return _made(service, id_, "pieces", version, version_name("pieces", version))


def _add_shadows(calls: APIRouter, service: Service) -> None:
    @calls.post("/drawings/{id_}/shadows/{edge}/{light}", status_code=202)
    def shade(id_: str, edge: Edge, light: Light) -> JSONResponse:
        """Ask where shadows of a kind are; Location names them."""
        service.drawing(id_, use=True)
        check_disk(service.disk, service.limits)
        service.rows.ask(id_, f"shadows-{edge}-{light}", 0, service.limits)
        return asked(f"/api/drawings/{id_}/shadows/{edge}/{light}")

    @calls.get("/drawings/{id_}/shadows/{edge}/{light}")
    def shadows(id_: str, edge: Edge, light: Light) -> Response:
        """A byte for each pixel of the labels, 255 in full shadow; until they are there, 202."""
        kind = f"shadows-{edge}-{light}"
        return _made(service, id_, kind, 0, kind)


def _add_sheets(calls: APIRouter, service: Service, sheets: Sheets) -> None:
    @calls.get("/sheets")
    def listed(model: Annotated[str, Query(max_length=64, description="as the legend says")]) -> dict[str, Any]:
        """The colour sheets of a model."""
        return {"sheets": sheets.of(model)}

    @calls.post("/drawings/{id_}/sheets", status_code=202)
    def keep(id_: str, name: Annotated[Name, Query()], again: bool = False) -> JSONResponse:
        """Keep the colours of the drawing, as it is now, in sheets/<name>.json; `again` replaces one of this name."""
        drawing = service.drawing(id_, use=True)
        check_disk(service.disk, service.limits)
        if not again and sheets.has(name):
            raise Refused(409, f"there are colours of the name {name} already")
        number, edits = secrets.randbelow(1 << 30), read_edits(drawing.edits.encode())
        request = SheetRequest(name=name, again=again, edits=edits).model_dump_json(exclude_none=True)
        service.blobs.write(id_, version_name("sheet", number), request.encode())
        service.rows.ask(id_, "sheet", number, service.limits)
        return asked(f"/api/drawings/{id_}/sheets/{number}")

    @calls.get("/drawings/{id_}/sheets/{number}")
    def kept(id_: str, number: Number) -> Response:
        """Tells whether they are kept; until then, 202."""
        return _made(service, id_, "sheet", number)


def _made(service: Service, id_: str, kind: str, version: int, name: str = "") -> Response:
    """Answers with a file that a painter has made, once it is there."""
    service.drawing(id_)
    progress = progress_of(service, id_, kind, version, missing="nobody asked for this: POST first")
    if progress.state != "done":
        return JSONResponse({"state": progress.state}, 202)
    if not name:
        return JSONResponse({"state": "done"})
    found = service.blobs.find(id_, name)
    if found is None:
        raise Refused(404, "this was made for earlier edits: ask anew")
    headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=3600"}
    return Response(found, media_type="application/octet-stream", headers=headers)
