"""Reads a drawing with the hints beside it, colours it, and notes what was seen of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

from irodori.cli.guides import read_guide_files
from irodori.cli.jobs import Job
from irodori.cli.looks import Look
from irodori.cli.outputs import Stamp, fingerprint, stamp
from irodori.cli.server import RemoteLook

if TYPE_CHECKING:
    from cyclegan.painting.guide_files import Wishes
    from imaging.formats import LayerFile
    from imaging.layer_files import Coloured
    from imaging.layers import Layered


class Reading:
    """One drawing on its way to its colours.

    Attributes:
        seen: what was read of the drawing; None before :meth:`read`.
        guide: fingerprint of the hints and colour sheets; "" if there are none.
    """

    def __init__(self, job: Job, look: Look | RemoteLook) -> None:
        self._job, self._look = job, look
        self._wishes: Wishes | None = None
        self.seen: Stamp | None = None
        self.guide = ""

    def read(self) -> bytes:
        """Reads the drawing and its hints.

        Raises:
            HintError: a file of hints cannot be read, or is wrong (its text is one line that names the file).
            OSError: the drawing cannot be read.
        """
        data = self._job.source.read_bytes()
        self.seen = stamp(self._job.status, data)
        self._wishes, contents = read_guide_files(list(self._job.guides))
        self.guide = fingerprint(*contents, self._job.asked)
        return data

    def send(self, data: bytes, name: str, kinds: "Sequence[LayerFile]") -> "Coloured":
        """Lets a server colour the drawing; call it after :meth:`read`."""
        assert isinstance(self._look, RemoteLook)
        assert self._wishes
        return self._look.colour(data, name, self._wishes, kinds)

    def paint(self, image: Image.Image) -> "Layered":
        """Colours the drawing; call it after :meth:`read`."""
        assert isinstance(self._look, Look)
        assert self._wishes
        return self._look.paint(image, self._wishes)
