"""Tests the wheel in a clean environment, outside the checkout, without development packages.

python -m deploy.wheel_check    builds, installs, imports every module, trains eight steps and colours one drawing
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

PROJECT = Path(__file__).resolve().parent.parent
UV = Path(sys.executable).with_name("uv")
SHIPPED = {"cyclegan", "flows", "imaging", "irodori", "scraping", "storage", "tasks"}
PICTURES, SIDE, STEPS = 4, 320, 8  # pictures of each domain; their side in pixels; training steps

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(f"{len(sys.argv) - 1} modules import")
"""
BUILD = """
import sys
from pathlib import Path
from flows.build_dataset import build_dataset
build_dataset(source=Path(sys.argv[1]).as_uri(), size=64)
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="irodori-wheel-") as name:
        folder = Path(name)
        wheel = build(folder)
        python = install(wheel, folder / "venv")
        use(python, wheel, folder)
    print("the wheel works by itself")


def build(folder: Path) -> Path:
    """Builds the wheel; exits if it does not contain exactly the product's packages with their templates."""
    source = folder / "source"  # a copy, for a build leaves files that the next one would pack again
    source.mkdir()
    for name in SHIPPED:
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", *(path.name for path in PROJECT.glob("requirements*.txt"))):
        shutil.copy(PROJECT / name, source)
    run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, source], folder, os.environ)
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    found = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    if found != SHIPPED:
        sys.exit(f"the wheel holds {sorted(found)}, not {sorted(SHIPPED)}: see [tool.setuptools] in pyproject.toml")
    wanted = {path.relative_to(PROJECT).as_posix() for name in SHIPPED for path in (PROJECT / name).rglob("*.*")}
    if missing := {
        name for name in wanted if name.endswith((".py", ".html", ".j2", ".typed", ".js", ".css", ".svg"))
    } - set(names):
        sys.exit(f"the wheel lacks {sorted(missing)}: see [tool.setuptools] in pyproject.toml")
    return wheel


def install(wheel: Path, venv: Path) -> Path:
    """Creates an environment with the wheel and its dependencies; returns its interpreter."""
    python = venv / "bin" / "python"
    run([UV, "venv", "--quiet", "--python", sys.executable, venv], venv.parent, os.environ)
    pip: list[str | Path] = [
        UV,
        "pip",
        "install",
        "--quiet",
        "--python",
        venv,
        "--constraint",
        PROJECT / "constraints.txt",
    ]
    run([*pip, wheel], venv.parent, os.environ)
    if subprocess.run([python, "-c", "import cv2"], capture_output=True).returncode:  # like the Makefile
        version = run([python, "-c", "import importlib.metadata as m; print(m.version('opencv-python'))"], venv, {})
        run([UV, "pip", "uninstall", "--quiet", "--python", venv, "opencv-python"], venv, os.environ)
        run([*pip, f"opencv-python-headless=={version.strip()}"], venv, os.environ)
    return python


def use(python: Path, wheel: Path, folder: Path) -> None:
    """Runs what a new user runs (import, --help, build, train, colorize) in a folder outside the checkout."""
    own = {"HOME": folder, "XDG_DATA_HOME": folder / "data", "PREFECT_HOME": folder / "prefect", "TMPDIR": folder}
    env = {name: value for name, value in os.environ.items() if not name.startswith(("IRODORI_", "PREFECT_", "PYTHON"))}
    env |= {name: str(value) for name, value in own.items()} | {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    env |= {"PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true", "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180"}
    here, irodori = folder / "elsewhere", python.with_name("irodori")
    here.mkdir()
    run([python, "-c", IMPORT_ALL, *modules(wheel)], here, env)
    print(run([irodori, "--version"], here, env), end="")
    if "colorize" not in run([irodori, "--help"], here, env):
        sys.exit("irodori --help does not name its commands")
    draw(here / "pictures")
    run([python, "-c", BUILD, here / "pictures"], here, env)
    small = "--blocks 1 --ngf 8 --ndf 8 --crop 64 --batch 4 --warm-up-epochs 4 --constant-epochs 2 --decay-epochs 2"
    run([irodori, "train", "--preset", "demo", *small.split()], here, env)
    (metrics,) = (folder / "data" / "irodori").glob("models/default/runs/*/metrics.csv")
    if not metrics.read_text().splitlines()[-1].startswith(f"{STEPS},"):
        sys.exit(f"the training did not end at step {STEPS}")
    run([irodori, "colorize", here / "pictures" / "lines 0.png", here / "coloured.png"], here, env)
    if Image.open(here / "coloured.png").size != (SIDE, SIDE):
        sys.exit("the coloured drawing has another size than the drawing")


def modules(wheel: Path) -> list[str]:
    """Returns the dotted names of all modules in the wheel."""
    files = [Path(name) for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")]
    return [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]


def draw(folder: Path) -> None:
    """Draws boxes and circles, as line drawings and as colour pictures."""
    folder.mkdir()
    for number in range(PICTURES):
        for name, fill in (("lines", "white"), ("colour", f"hsl({90 * number}, 80%, 60%)")):
            page = Image.new("RGB", (SIDE, SIDE), "white")
            pen = ImageDraw.Draw(page)
            corner = 30 + 35 * number
            pen.rectangle((corner, 20, corner + 120, 130), fill=fill, outline="black", width=4)
            pen.ellipse((40, 150, 150 + 30 * number, 300), fill=fill, outline="black", width=4)
            page.save(folder / f"{name} {number}.png")


def run(command: list[str | Path], folder: Path, env: Mapping[str, str]) -> str:
    """Runs a command and returns its stdout; exits with its whole output if it fails."""
    done = subprocess.run(list(map(str, command)), cwd=folder, env=env, text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:200]}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
