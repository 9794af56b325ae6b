"""Answers the calls for drawings of the inbox, which are there unless the page is for everybody."""

import hashlib
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from irodori.web.blobs import new_id
from irodori.web.context import Service, plain
from irodori.web.edits import read_edits, written
from irodori.web.folders import Folders
from irodori.web.guard import client_of
from irodori.web.receiving import check_disk
from irodori.web.refusal import Refused
from irodori.web.rows import NewDrawing

_Name = Annotated[str, Query(max_length=1000, description="its path in the inbox")]


def add_inbox_calls(calls: APIRouter, service: Service) -> None:
    """Adds the calls."""
    if service.folders is not None:
        _add_list(calls, service, service.folders)
    _add_inbox(calls, service)


def _add_list(calls: APIRouter, service: Service, folders: Folders) -> None:
    @calls.get("/inbox/thumbnail")
    def thumbnail(
        name: _Name,
        state: Literal["coloured", "failed", "waiting"],
        version: Annotated[str, Query(max_length=200, description="as listed")],
    ) -> Response:
        """A small picture of a drawing of the inbox, once it is there; until then the answer is 202."""
        key = folders.picture(name, state)
        id_ = hashlib.sha256(f"{key}\0{version}".encode()).hexdigest()[:32]
        found = service.blobs.thumbnail(id_)
        if found is None:
            service.rows.want(id_, key)
            return JSONResponse({"state": "waiting"}, 202)
        if not found:
            raise Refused(404, "this drawing cannot be shown")
        return Response(found, media_type="image/webp", headers={"Cache-Control": "private, max-age=86400"})


def _add_inbox(calls: APIRouter, service: Service) -> None:
    rows, blobs, folders = service.rows, service.blobs, service.folders

    @calls.get("/inbox")
    def inbox() -> dict[str, Any]:
        """The drawings of the inbox, which the schedule colours."""
        return {"drawings": [asdict(each) for each in folders.listed()] if folders else []}

    @calls.post("/inbox", status_code=201)
    def open_drawing(
        request: Request,
        name: _Name,
        model: Annotated[str, Query(max_length=200, description="as of POST /api/drawings")] = "",
    ) -> JSONResponse:
        """Open a drawing of the inbox; what is changed of it becomes its guide. Location names it."""
        if folders is None:
            raise Refused(404, "this page has no inbox")
        (data, edits), chosen, id_ = folders.open(name), service.catalogue.choose(model), new_id()
        for known in rows.opened(name):  # two windows are to know of each other
            guide = rows.progress(known.id, "guide", known.version)
            is_saved = guide is None or guide.state in ("done", "failed")
            same = written(read_edits(known.edits.encode())) == written(edits)
            if known.model == chosen and (same or not is_saved):
                if blobs.find(known.id, "drawing") == data:
                    return JSONResponse({"id": known.id}, 201, headers={"Location": f"/api/drawings/{known.id}"})
        check_disk(service.disk, service.limits)
        blobs.write(id_, "drawing", data)
        text, client = edits.model_dump_json(exclude_none=True), client_of(request.scope)
        row = NewDrawing(id_, plain(name), chosen, client, len(data), inbox=name, edits=text)
        try:
            rows.accept(row, service.limits)
        except Refused:
            blobs.remove_all(id_)
            raise
        return JSONResponse({"id": id_}, 201, headers={"Location": f"/api/drawings/{id_}"})
