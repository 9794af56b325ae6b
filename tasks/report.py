"""Shows stage tables, sheets and links in the UI, as artifacts; nothing where no server is, see tasks/here.py.

Artifacts must be small, because every listing of artifacts contains their data.
"""

import base64
import hashlib
import io
import re

from PIL import Image
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from storage import Manifest
from tasks.here import shown_here

_MAX_SIDE = 1200  # pixels; keeps a sheet near 100-200 KB as WebP


def show_stages(label: str, manifest: Manifest) -> None:
    """Shows a table: entered / ok / dropped / failed for each stage, with the reasons."""
    if shown_here():
        return
    create_table_artifact(
        key=_slug(f"stages {label}"),
        table=manifest.summary(),
        description=f"{label}: what became of every image. Per stage, ok + dropped + failed = entered.",
    )


def show_sheet(label: str, png: bytes, caption: str, where: str, link: str = "") -> None:
    """Shows an embedded picture.

    Args:
        label: name of the artifact.
        png: the picture's file; shown with at most 1200 × 1200 pixels.
        caption: description of the artifact.
        where: storage key of the full picture, shown below it.
        link: of what can be done about it, in Markdown; "": nothing.
    """
    if shown_here():
        return
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((_MAX_SIDE, _MAX_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode()
    create_markdown_artifact(
        key=_slug(f"sheet {label}"),
        markdown="\n\n".join([f"![{label}](data:image/webp;base64,{data})", f"`{where}`", *([link] if link else [])]),
        description=caption,
    )


def show_link(label: str, url: str, description: str) -> None:
    """Shows a link to an object in the storage."""
    if not shown_here():
        create_link_artifact(key=_slug(label), link=url, link_text=url, description=description)


def _slug(text: str) -> str:
    """Converts a text to an artifact key of lower-case letters, digits and dashes, with a hash of anything else."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    is_plain = re.fullmatch(r"[a-z0-9 _/-]*", text.lower())
    return slug if is_plain else f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
