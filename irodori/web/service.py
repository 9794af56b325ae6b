"""Answers the calls of the page: quick, and without torch; what takes longer is a job for a painter."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from irodori.web.blobs import Blobs, edits_name, export_name, is_id, new_id, reference_name
from irodori.web.edits import Edits, read_edits
from irodori.web.guard import Guard, as_json, client_of
from irodori.web.limits import DAY, EDITS_BYTES, EXPORTS, MEGABYTE, Limits
from irodori.web.receiving import check_disk, receive, receive_picture
from irodori.web.refusal import Refused
from irodori.web.rows import Drawing, NewDrawing, Progress, Rows

PAGE = Path(__file__).parent / "page"
_MEDIA = {"png": "image/png", "ora": "image/openraster", "psd": "image/vnd.adobe.photoshop"}
_PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes: PNG, JPEG, WebP, TIFF, BMP or GIF.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_EDITS: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Edits.model_json_schema()}}}
}


@dataclass(frozen=True)
class Service:
    """What the calls work with.

    Attributes:
        rows: drawings and jobs.
        blobs: their files.
        limits: how much is taken on.
        models: names of the models, the first one first.
        disk: a folder of the disk that must not become full.
        painting: tells whether a painter is there; "" if so, else what is the matter.
    """

    rows: Rows
    blobs: Blobs
    limits: Limits
    models: Sequence[str]
    disk: Path
    painting: Callable[[], str]

    def drawing(self, id_: str, *, use: bool = False) -> Drawing:
        """Finds a drawing; raises Refused if there is none."""
        return self.rows.find(id_ if is_id(id_) else "", use=use)


def create_app(service: Service, *, names: Sequence[str] = (), token: str = "") -> FastAPI:
    """Makes the application.

    Args:
        service: what it works with.
        names: as of :class:`irodori.web.guard.Guard`.
        token: as of :class:`irodori.web.guard.Guard`.
    """
    app = FastAPI(title="Irodori", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.include_router(_calls(service), prefix="/api")
    app.include_router(_pages(service))
    app.mount("/page", StaticFiles(directory=PAGE))
    app.add_middleware(Guard, names=names, token=token, calls_each=service.limits.calls_each)

    @app.exception_handler(Refused)
    async def refuse(request: Request, refused: Refused) -> Response:
        body, headers = as_json(refused)
        return Response(body, refused.status, headers)

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return JSONResponse({"error": f"{first['loc'][-1]}: {first['msg']}"}, 422)

    return app


def _pages(service: Service) -> APIRouter:
    pages = APIRouter(include_in_schema=False)

    @pages.get("/")
    def start() -> FileResponse:
        return FileResponse(PAGE / "page.html", headers={"Cache-Control": "no-cache"})

    @pages.get("/d/{id_}")
    def drawing(id_: str) -> FileResponse:
        return FileResponse(PAGE / "page.html", headers={"Cache-Control": "no-cache"})

    @pages.get("/healthz")
    def health() -> dict[str, str]:
        return {"state": "up"}

    @pages.get("/readyz")
    def ready() -> JSONResponse:
        wrong = service.painting()
        return JSONResponse({"state": wrong or "ready", **service.rows.counts()}, 503 if wrong else 200)

    return pages


def _calls(service: Service) -> APIRouter:
    calls = APIRouter()
    _add_edits(calls, service)
    _add_exports(calls, service)
    _add_references(calls, service)
    _add_drawings(calls, service)
    _add_data(calls, service)
    _add_models(calls, service)
    return calls


def _add_drawings(calls: APIRouter, service: Service) -> None:
    rows, blobs, limits = service.rows, service.blobs, service.limits

    @calls.post("/drawings", status_code=201, openapi_extra=_PICTURE)
    async def upload(
        request: Request,
        model: Annotated[int, Query(ge=0, lt=len(service.models), description="id of a model")] = 0,
        name: Annotated[str, Query(max_length=200, description="what the drawing is called")] = "drawing",
    ) -> Response:
        """Take a drawing in; it is coloured in a moment. Location names it."""
        file, size = await receive_picture(request, limits)
        with file:
            check_disk(service.disk, limits)
            id_ = new_id()
            await run_in_threadpool(blobs.write, id_, "drawing", file)
        row = NewDrawing(id_, _plain(name), service.models[model], client_of(request.scope), size)
        try:
            await run_in_threadpool(rows.accept, row, limits)
        except Refused:
            await run_in_threadpool(blobs.remove_all, id_)
            raise
        return JSONResponse({"id": id_}, 201, headers={"Location": f"/api/drawings/{id_}"})

    @calls.get("/drawings/{id_}")
    def state(id_: str) -> dict[str, Any]:
        """How far a drawing is: waiting, painting, done or failed (with its reason)."""
        drawing = service.drawing(id_, use=True)
        progress = rows.progress(id_, "prepare", 0) or Progress("failed", "it is gone")
        expires = min(drawing.used + limits.kept, drawing.created + limits.kept_at_most)
        about = {"id": id_, "name": drawing.name, "version": drawing.version, "expires": expires}
        return about | {"state": progress.state, "reason": progress.reason, "position": progress.position}

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
        service.drawing(id_)
        text = found.model_dump_json(exclude_none=True)
        new = await run_in_threadpool(service.rows.save_edits, id_, text, int(version))
        return JSONResponse({"version": new}, headers={"ETag": f'"{new}"'})


def _add_exports(calls: APIRouter, service: Service) -> None:
    rows, blobs = service.rows, service.blobs

    @calls.post("/drawings/{id_}/exports/{kind}", status_code=202)
    def ask(id_: str, kind: Literal["png", "ora", "psd"]) -> JSONResponse:
        """Ask for a file of the drawing as it is now, at full size; Location names it."""
        drawing = service.drawing(id_, use=True)
        blobs.write(id_, edits_name(drawing.version), drawing.edits.encode())
        rows.ask(id_, kind, drawing.version, service.limits)
        place = f"/api/drawings/{id_}/exports/{kind}?version={drawing.version}"
        return JSONResponse({"place": place}, 202, headers={"Location": place})

    @calls.get("/drawings/{id_}/exports/{kind}")
    def fetch(id_: str, kind: Literal["png", "ora", "psd"], version: Annotated[int, Query(ge=0)]) -> Response:
        """Fetch the file, once it is there; until then the answer is 202."""
        drawing = service.drawing(id_)
        progress = rows.progress(id_, kind, version)
        if progress is None:
            raise Refused(404, "nobody asked for this file: POST to the same place first")
        if progress.state == "failed":
            raise Refused(409, progress.reason)
        if progress.state != "done":
            return JSONResponse({"state": progress.state, "position": progress.position}, 202)
        name = f"{Path(drawing.name).stem or 'drawing'}.{kind}"
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
        return Response(blobs.read(id_, export_name(version, kind)), media_type=_MEDIA[kind], headers=headers)


def _add_references(calls: APIRouter, service: Service) -> None:
    rows, blobs, limits = service.rows, service.blobs, service.limits

    @calls.post("/drawings/{id_}/references", status_code=202, openapi_extra=_PICTURE)
    async def measure(id_: str, request: Request) -> JSONResponse:
        """Ask for the palette of a picture, which is not kept; Location names it."""
        service.drawing(id_)
        file, _ = await receive_picture(request, limits)
        number = secrets.randbelow(1 << 30)
        with file:
            check_disk(service.disk, limits)
            await run_in_threadpool(blobs.write, id_, reference_name(number), file)
        await run_in_threadpool(rows.ask, id_, "reference", number, limits)
        place = f"/api/drawings/{id_}/references/{number}"
        return JSONResponse({"place": place}, 202, headers={"Location": place})

    @calls.get("/drawings/{id_}/references/{number}")
    def palette(id_: str, number: int) -> Response:
        """The palette, once it is there; until then the answer is 202."""
        service.drawing(id_)
        progress = rows.progress(id_, "reference", number)
        if progress is None:
            raise Refused(404, "nobody gave this picture")
        if progress.state == "failed":
            raise Refused(409, progress.reason)
        if progress.state != "done":
            return JSONResponse({"state": progress.state}, 202)
        return JSONResponse(json.loads(blobs.read(id_, f"{reference_name(number)}.json")))


def _add_models(calls: APIRouter, service: Service) -> None:
    limits = service.limits

    @calls.get("/models")
    def models() -> dict[str, Any]:
        """The models that colour here, and what the page takes."""
        return {
            "models": [{"id": str(number), "name": Path(name).stem} for number, name in enumerate(service.models)],
            "megabytes": limits.upload_bytes // MEGABYTE,
            "megapixels": limits.pixels // 1_000_000,
            "days": round(limits.kept / DAY),
            "painter": service.painting(),
        }


def _plain(name: str) -> str:
    """Returns a name without control characters and without the path that some browsers send."""
    return "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable()) or "drawing"


assert set(_MEDIA) == set(EXPORTS)
