"""Answers the calls of the page: quick, and without torch; what takes longer is a job for a painter."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from irodori.web.context import Service
from irodori.web.drawing_calls import add_drawing_calls
from irodori.web.file_calls import add_file_calls
from irodori.web.guard import Guard, as_json
from irodori.web.inbox_calls import add_inbox_calls
from irodori.web.made_calls import add_made_calls
from irodori.web.refusal import Refused

PAGE = Path(__file__).parent / "page"


def create_app(service: Service, *, names: Sequence[str] = (), token: str = "") -> FastAPI:
    """Makes the application.

    Args:
        service: what it works with.
        names: as of :class:`irodori.web.guard.Guard`.
        token: as of :class:`irodori.web.guard.Guard`.
    """
    app = FastAPI(title="Irodori", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    calls = APIRouter()
    add_drawing_calls(calls, service)
    add_file_calls(calls, service)
    add_made_calls(calls, service)
    add_inbox_calls(calls, service)
    app.include_router(calls, prefix="/api")
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

    @app.exception_handler(HTTPException)
    async def say(request: Request, error: HTTPException) -> Response:
        texts = {404: "there is nothing here", 405: f"{request.method} is no call of this place"}
        return JSONResponse({"error": texts.get(error.status_code, error.detail)}, error.status_code, error.headers)

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
