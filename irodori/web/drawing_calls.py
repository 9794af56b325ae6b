"""Answers the calls that bring a drawing, tell how far it is, colour it, change it, and forget it."""

from typing import IO, Annotated, Any, Literal

from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from irodori.web.blobs import is_id, new_id
from irodori.web.context import PICTURE, Service, plain
from irodori.web.edits import Edits, read_edits
from irodori.web.guard import client_of
from irodori.web.jobs import Progress
from irodori.web.limits import DAY, EDITS_BYTES, MEGABYTE
from irodori.web.receiving import check_disk, heard, receive, receive_picture
from irodori.web.refusal import Refused
from irodori.web.rows import NewDrawing

_KEPT_AT_ONCE = 2  # threads that put drawings away; changes of others do not wait for them
_EDITS: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Edits.model_json_schema()}}}
}


def add_drawing_calls(calls: APIRouter, service: Service) -> None:
    """Adds the calls."""
    _add_edits(calls, service)
    _add_drawings(calls, service)
    _add_forgetting(calls, service)
    _add_data(calls, service)
    _add_models(calls, service)


def _add_drawings(calls: APIRouter, service: Service) -> None:
    rows, blobs, limits = service.rows, service.blobs, service.limits
    few = CapacityLimiter(_KEPT_AT_ONCE)

    @calls.post("/drawings", status_code=201, openapi_extra=PICTURE)
    async def upload(
        request: Request,
        model: Annotated[str, Query(max_length=200, description="its name; none: the first one")] = "",
        name: Annotated[str, Query(max_length=200, description="what the drawing is called")] = "drawing",
    ) -> Response:
        """Take a drawing in; it is coloured in a moment. Location names it."""
        client, id_ = client_of(request.scope), new_id()
        arrival: int | None = None

        def keep(file: IO[bytes], size: int) -> None:
            chosen = service.catalogue.choose(model)
            blobs.write(id_, "drawing", file)
            rows.accept(NewDrawing(id_, plain(name), chosen, client, size), limits, arrival)

        def undo() -> None:
            blobs.remove_all(id_)
            if arrival is not None:
                rows.withdraw(arrival)

        async with heard(request, limits):
            try:
                arrival = await to_thread.run_sync(rows.admit, client, limits, limiter=few)
                file, size = await receive_picture(request, limits)
                with file:
                    check_disk(service.disk, limits)
                    await to_thread.run_sync(keep, file, size, limiter=few)
            except BaseException:
                with CancelScope(shield=True):
                    await to_thread.run_sync(undo, limiter=few)
                raise
        return JSONResponse({"id": id_}, 201, headers={"Location": f"/api/drawings/{id_}"})


def _add_forgetting(calls: APIRouter, service: Service) -> None:
    rows, blobs = service.rows, service.blobs

    @calls.delete("/drawings/{id_}", status_code=204)
    def forget(id_: str) -> Response:
        """Remove a drawing and all that came of it, at once."""
        service.drawing(id_)
        rows.mark_gone(id_)
        blobs.remove_all(id_)
        rows.remove(id_)
        return Response(status_code=204)


def _add_data(calls: APIRouter, service: Service) -> None:
    @calls.get("/drawings/{id_}/{data}")
    def data(id_: str, data: Literal["labels", "planes", "legend"]) -> Response:
        """What a browser needs to colour a drawing by itself."""
        service.drawing(id_)
        found = service.blobs.find(id_, data)
        if found is None:
            raise Refused(409, "this drawing is not coloured yet")
        kind = "application/json" if data == "legend" else "application/octet-stream"
        headers = {"Content-Encoding": "gzip", "Cache-Control": "private, max-age=3600", "Content-Type": kind}
        return Response(found, headers=headers)

    @calls.get("/drawings/{id_}")
    def state(id_: str) -> dict[str, Any]:
        """How far a drawing is: waiting, painting, done or failed (with its reason)."""
        drawing = service.drawing(id_, use=True)
        progress = service.rows.progress(id_, "prepare", 0) or Progress("failed", "it is gone")
        expires = min(drawing.used + service.limits.kept, drawing.created + service.limits.kept_at_most)
        about = {"id": id_, "name": drawing.name, "version": drawing.version, "expires": expires}
        about |= {"inbox": drawing.inbox, "sheets": service.sheets is not None}
        guide = service.rows.progress(id_, "guide", drawing.version) if drawing.inbox else None
        about["problem"] = guide.reason if guide and guide.state == "failed" else ""
        return about | {"state": progress.state, "reason": progress.reason, "position": progress.position}


def _add_edits(calls: APIRouter, service: Service) -> None:
    @calls.get("/drawings/{id_}/edits")
    def edits(id_: str) -> Response:
        """What was changed of a drawing; ETag is its version."""
        drawing = service.drawing(id_)
        headers = {"ETag": f'"{drawing.version}"', "Content-Type": "application/json", "Cache-Control": "no-store"}
        return Response(drawing.edits, headers=headers)

    @calls.put("/drawings/{id_}/edits", openapi_extra=_EDITS)
    async def change(id_: str, request: Request, if_match: Annotated[str, Header()]) -> Response:
        """Replace what was changed; If-Match says which version is replaced."""
        found = read_edits(await receive(request, EDITS_BYTES, service.limits.upload_seconds))
        version = if_match.strip().strip('"')
        if not version.isdigit() or len(version) > 9:
            raise Refused(422, 'If-Match: give the version that is replaced, such as "3"')
        text = found.model_dump_json(exclude_none=True)
        new = await run_in_threadpool(service.rows.save_edits, id_ if is_id(id_) else "", text, int(version))
        return JSONResponse({"version": new}, headers={"ETag": f'"{new}"'})


def _add_models(calls: APIRouter, service: Service) -> None:
    limits = service.limits

    @calls.get("/models")
    def models() -> dict[str, Any]:
        """The models that colour here, and what the page takes."""
        return {
            "models": list(service.catalogue.models()),
            "megabytes": limits.upload_bytes // MEGABYTE,
            "megapixels": limits.pixels // 1_000_000,
            "days": round(limits.kept / DAY),
            "painter": service.painting(),
        }
