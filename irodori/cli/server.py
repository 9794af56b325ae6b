"""Lets a web page colour, in place of a model on this machine: `irodori colorize --server URL`, without torch."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

import typer

from imaging.codec import decode_drawing, encode
from imaging.errors import ImageError
from imaging.formats import LayerFile
from imaging.layer_files import Coloured
from irodori.cli.guides import NO_WISHES, AskedShadows
from irodori.cli.looks import check_names
from irodori.errors import PipelineError
from irodori.names import look_name, variant_name

if TYPE_CHECKING:
    from cyclegan.painting.guide_files import Wishes
    from cyclegan.painting.hints import Hint

_SECONDS = 120.0  # for one answer
_PAUSE = 0.2  # between two looks at what is being made
_BUSY = (429, 503)  # answers that say when to come back

Ask = Callable[[bytes, str, Sequence[LayerFile]], Coloured]


class Server:
    """A web page's calls."""

    def __init__(self, address: str) -> None:
        """Makes a client.

        Args:
            address: as `irodori serve` prints it, with the token behind a "#" if there is one.

        Raises:
            typer.BadParameter: it is no address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise typer.BadParameter("give what irodori serve prints, such as http://host:8100", param_hint="--server")
        self.address, self._token = f"{parts.scheme}://{parts.netloc}", parts.fragment

    @cached_property
    def about(self) -> dict[str, Any]:
        """The page's models and limits."""
        return self.json("GET", "/api/models")

    def call(self, method: str, place: str, data: bytes | None = None, version: int | None = None) -> bytes | None:
        """Calls; waits and tries again where the page is busy.

        Returns:
            The answer; None if it is not there yet.

        Raises:
            ImageError: the page refuses the drawing (its text is one line).
            PipelineError: the page does not answer, or not us (its text is one line).
        """
        request = Request(self.address + place, data, method=method)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if version is not None:
            request.add_header("If-Match", f'"{version}"')
        while True:
            try:
                with urlopen(request, timeout=_SECONDS) as answer:
                    return None if method == "GET" and answer.status == 202 else cast(bytes, answer.read())
            except HTTPError as error:
                with error:
                    wait, text = error.headers.get("Retry-After"), error.read()
                if error.code in _BUSY and wait:
                    time.sleep(float(wait))
                    continue
                raise _refusal(self.address, error.code, text) from error
            except (URLError, OSError, HTTPException) as error:
                reason = error.reason if isinstance(error, URLError) else error
                raise PipelineError(f"{self.address} does not answer ({reason}): is the page running?") from error

    def json(self, method: str, place: str, data: bytes | None = None, version: int | None = None) -> dict[str, Any]:
        """Calls, and reads the answer."""
        found: dict[str, Any] = json.loads(self.call(method, place, data, version) or b"{}")
        return found

    def made(self, place: str, data: bytes | None = None) -> bytes:
        """Asks for something that takes a while, and waits for it."""
        found = self.json("POST", place, data)["place"]
        while (answer := self.call("GET", found)) is None:
            time.sleep(_PAUSE)
        return answer


def _refusal(address: str, status: int, text: bytes) -> Exception:
    try:
        reason = str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        if status == 413:  # of a proxy
            return ImageError(f"{address} does not take files of this size: save it smaller, or as PNG")
        return PipelineError(f"{address} answers {status}: it is no page of Irodori")
    return PipelineError(f"{address}: {reason}") if status in (401, 403, 421) else ImageError(reason)


@dataclass(frozen=True)
class RemoteLook:
    """A model of a page, and what is asked of it for all drawings.

    Attributes:
        server: the page.
        model: its name there; "" is the page's first.
        variant: number of the palette that suits; 0: the best.
        like: bytes of a picture whose colours are taken; b"": none.
        sheets: colour sheets, as their files have them.
        hints: for all drawings.
        shadows: for all drawings.
    """

    server: Server
    model: str = ""
    variant: int = 0
    like: bytes = field(default=b"", repr=False)
    sheets: tuple[dict[str, Any], ...] = ()
    hints: "tuple[Hint, ...]" = ()
    shadows: AskedShadows = NO_WISHES

    def colour(self, data: bytes, name: str, wishes: "Wishes", kinds: Sequence[LayerFile]) -> Coloured:
        """Colours the file of a drawing.

        Args:
            data: its bytes.
            name: of the result; its extension decides the format.
            wishes: what the files beside the drawing ask for.
            kinds: the files of layers to make.

        Raises:
            ImageError: the page refuses it (its text is one line).
            PipelineError: the page does not answer (its text is one line).
        """
        most = self.server.about["megabytes"]
        if len(data) > most << 20:
            raise ImageError(f"{len(data) / (1 << 20):.0f} MB: the page takes {most}; save it smaller, or as PNG")
        line = decode_drawing(data)
        query = urlencode({"name": Path(name).name[-200:], "model": self.model})
        place = f"/api/drawings/{self.server.json('POST', f'/api/drawings?{query}', data)['id']}"
        try:
            while (found := self.server.json("GET", place))["state"] not in ("done", "failed"):
                time.sleep(_PAUSE)
            if found["state"] == "failed":
                raise ImageError(found["reason"])
            self._change(place, wishes)
            colour = decode_drawing(self.server.made(f"{place}/exports/png"))
            layers = {kind: self.server.made(f"{place}/exports/{quote(kind.value)}") for kind in kinds}
        finally:
            with suppress(ImageError, PipelineError):  # it is forgotten by itself, too
                self.server.call("DELETE", place)
        colour.info = dict(line.info)
        return Coloured(line, colour, encode(colour, name), layers)

    def _change(self, place: str, wishes: "Wishes") -> None:
        edits: dict[str, Any] = {"hints": [_placed(hint) for hint in (*wishes.hints, *self.hints)]}
        if self.variant <= 1 and not self.like and not self.sheets:
            edits |= _as_json(wishes.colours)
        edits |= _as_json(wishes.shadows if self.shadows == NO_WISHES else self.shadows.given())
        if self.variant > 1 or (self.variant and "variant" not in edits and "palette" not in edits):
            edits["variant"] = self.variant
        if self.sheets:
            edits["sheets"] = self.sheets
        if self.like:
            edits |= json.loads(self.server.made(f"{place}/references", self.like))
        if edits != {"hints": []}:
            self.server.call("PUT", f"{place}/edits", json.dumps(edits).encode(), version=0)


def _placed(hint: "Hint") -> dict[str, Any]:
    about = {"colour": _hex(hint.colour), "scope": hint.scope}
    if len(hint.points) > 1:
        return {"points": hint.points} | about
    (x, y) = hint.points[0]
    return {"x": x, "y": y} | about


def _as_json(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Returns entries of a page.guide.json as they are written."""
    return {name: [_hex(each) for each in value] if name == "palette" else value for name, value in entries.items()}


def _hex(colour: Sequence[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def remote_looks(
    model: str,
    styles: Sequence[str],
    variants: int,
    like: Sequence[Path],
    asked: RemoteLook,
) -> dict[str, RemoteLook]:
    """Returns the looks by folder, as :func:`irodori.cli.looks.load_looks` does; `asked` is for all of them.

    Raises:
        typer.BadParameter: a picture cannot be read, or the page has no such model.
        PipelineError: the page does not answer (its text is one line).
    """
    server = asked.server
    known = server.about["models"]
    check_names((path.stem for path in like), "--like")
    found: dict[str, RemoteLook] = {}
    for style in dict.fromkeys(styles) or [""]:
        wanted = style or ("" if model == "default" and model not in known else model)
        if wanted and wanted not in known:
            reason = f"{server.address} has no model {wanted}; it has {', '.join(known) or 'none yet'}"
            raise typer.BadParameter(reason, param_hint="--style" if style else "--model")
        plain = replace(asked, model=wanted)
        own = {look_name(style, path.stem): replace(plain, like=_read(path)) for path in like}
        if variants > 1:
            own |= {variant_name(style, number): replace(plain, variant=number) for number in range(1, variants + 1)}
        found |= own if len(own) > 1 else {style: next(iter(own.values()), plain)}
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--like") from error


def colorize_files_there(
    files: Iterable[tuple[Ask, Callable[[], bytes], str]], layers: Sequence[LayerFile]
) -> Iterator[Coloured | Exception]:
    """Colours many image files one after the other; see :func:`cyclegan.painting.files.colorize_files`."""
    from cyclegan.painting.hints import HintError

    for ask, read, name in files:
        try:
            yield ask(read(), name, layers)
        except (ImageError, HintError, OSError) as error:
            yield error
