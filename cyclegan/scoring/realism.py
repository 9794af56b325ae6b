"""Measures how much a set of pictures looks like domain B, by distances between sets, without pretrained weights.

Each measure consists of a feature per picture and a distance between sets that is a function of *weights* over the
pictures. So a bootstrap over the pictures costs a matrix product and does not read the pixels again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

SCALES = 3  # the picture, its half and its quarter
PATCH = 7
PROJECTIONS = 48
BINS = 128
SPAN = 2.0  # projections of Lab patches lie well within +-SPAN; others go into the outermost bins
FILTERS = (16, 32)
PALETTE_BINS = 15  # odd, so that neutral grey lies in the middle of a bin
PALETTE_RANGE = 105.0
FLOOR_SPLITS = 8
COLOURFULNESS = np.arange(0.0, 160.0, 1.0)
LAB_CENTRE = np.array([50.0, 0.0, 0.0], np.float32)
LAB_UNIT = np.array([100.0, 60.0, 60.0], np.float32)


@dataclass(frozen=True)
class Features:
    """Features of n pictures, one row per picture.

    Attributes:
        patches: (n, SCALES * PROJECTIONS * BINS), distributions of random projections of 7x7 Lab patches, as
            cumulative histograms times the width of a bin.
        texture: (n, D), pooled responses of random convolutions.
        palette: (n, 225), square roots of ab histograms.
        colourfulness: (n,), Hasler & Suesstrunk 2003.
    """

    patches: np.ndarray
    texture: np.ndarray
    palette: np.ndarray
    colourfulness: np.ndarray


class Extractor:
    """Extracts features by fixed random filters, without changing the caller's random state."""

    def __init__(self) -> None:
        source = torch.Generator().manual_seed(0)

        def draw(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=source)

        directions = draw(PROJECTIONS, 3 * PATCH * PATCH)
        self._patch = (directions / directions.norm(dim=1, keepdim=True)).view(PROJECTIONS, 3, PATCH, PATCH)
        self._first = draw(FILTERS[0], 3, 5, 5) / (3 * 25) ** 0.5
        self._second = draw(FILTERS[1], FILTERS[0], 3, 3) / (FILTERS[0] * 9 / 2) ** 0.5

    def __call__(self, labs: Sequence[np.ndarray], images: Sequence[np.ndarray]) -> Features:
        """Extracts the features of pictures.

        Args:
            labs: the pictures as float32 (H, W, 3) CIE Lab.
            images: the same pictures as uint8 (H, W, 3) RGB.
        """
        patches, texture = [], []
        with _one_thread():
            for lab in labs:
                levels = _pyramid(lab)
                patches.append(np.concatenate([self._patches(level) for level in levels]))
                texture.append(np.concatenate([self._texture(level) for level in levels]))
        palette = np.stack([_palette(lab) for lab in labs])
        colourful = np.array([colourfulness(image) for image in images])
        return Features(np.stack(patches), np.stack(texture), palette, colourful)

    @torch.inference_mode()
    def _patches(self, x: torch.Tensor) -> np.ndarray:
        stride = max(1, round(min(x.shape[2:]) / 80))  # a few thousand patches describe a picture well enough
        projected = F.conv2d(x, self._patch, stride=stride)[0].flatten(1)
        width = 2 * SPAN / BINS
        bins = ((projected + SPAN) / width).to(torch.int64).clamp_(0, BINS - 1)
        bins += torch.arange(PROJECTIONS)[:, None] * BINS
        counts = torch.bincount(bins.flatten(), minlength=PROJECTIONS * BINS).view(PROJECTIONS, BINS)
        return (counts.cumsum(1).float() * (width / projected.shape[1])).flatten().numpy()

    @torch.inference_mode()
    def _texture(self, x: torch.Tensor) -> np.ndarray:
        first = F.relu(F.conv2d(x, self._first, padding=2))
        second = F.relu(F.conv2d(first, self._second, padding=1, stride=2))
        return torch.cat([_pool(first[0].flatten(1)), _pool(second[0].flatten(1))]).numpy()


def colourfulness(image: np.ndarray) -> float:
    """Returns M (Hasler & Suesstrunk 2003) of uint8 (H, W, 3) RGB: 0 for grey, about 100 for very colourful."""
    r, g, b = np.moveaxis(image.astype(np.float32), 2, 0)
    rg, yb = r - g, 0.5 * (r + g) - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def pairwise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the Euclidean distances (n, m) between the rows of x (n, D) and y (m, D)."""
    return torch.cdist(torch.from_numpy(x).double(), torch.from_numpy(y).double()).numpy()


def energy(weights: np.ndarray, within: np.ndarray, across: np.ndarray, reference: float) -> np.ndarray:
    """Returns the unbiased energy distance of weighted sets to a reference set; may be slightly below 0.

    Args:
        weights: (r, n), one weighted set per row; each row sums to 1.
        within: (n, n), distances between the pictures.
        across: (n, m), distances from the pictures to the members of the reference.
        reference: mean distance between two different members of the reference.

    Returns:
        (r,), one distance per set.
    """
    distinct = 1.0 - (weights**2).sum(axis=1)  # the weight of all pairs of different pictures
    inner = ((weights @ within) * weights).sum(axis=1) / np.maximum(distinct, 1e-9)
    return 2.0 * weights @ across.mean(axis=1) - inner - reference


def mean_distinct(distances: np.ndarray) -> float:
    """Returns the mean of a symmetric (n, n) distance matrix over pairs of different members."""
    n = len(distances)
    return float(distances.sum() / max(1, n * (n - 1)))


def wasserstein(weights: np.ndarray, cdfs: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Returns the mean 1-D Wasserstein distance of weighted sets to a reference.

    The cdf of a mixture is the weighted mean of its members' cdfs.

    Args:
        weights: (r, n), one weighted set per row; each row sums to 1.
        cdfs: (n, K), cdfs of n pictures on a common grid, times the width of a bin.
        reference: (K,), the same for the reference.

    Returns:
        (r,), one distance per set.
    """
    return np.abs(weights @ cdfs - reference).mean(axis=1)


class Reference:
    """A sample of domain B, with which sets of pictures are compared.

    Attributes:
        diversity: of the sample; see :func:`diversity`.
    """

    NAMES = ("swd", "feat", "pal", "col")

    def __init__(self, features: Features) -> None:
        deviation = features.texture.std(axis=0)
        # a lower limit, so that a feature that hardly varies in B does not dominate the distance
        self._unit = np.maximum(deviation, 0.1 * np.median(deviation) + 1e-9)
        self._features = features
        self._texture = features.texture / self._unit
        self._own_texture = mean_distinct(pairwise(self._texture, self._texture))
        self.diversity = diversity(features)

    def distances(self, features: Features, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the four distances in NAMES.

        swd: sliced Wasserstein distance of Lab patches at three scales. feat: energy distance of random-convolution
        features. pal: energy distance of per-picture palettes, which detects collapse to one palette. col: Wasserstein
        distance of colourfulness.

        Args:
            features: of n pictures.
            weights: (r, n), one weighted set per row; each row sums to 1.

        Returns:
            By name, (r,) distances, one per set.
        """
        own, texture = self._features, features.texture / self._unit
        feat = pairwise(texture, texture), pairwise(texture, self._texture), self._own_texture
        pal = (
            pairwise(features.palette, features.palette),
            pairwise(features.palette, own.palette),
            self.diversity,
        )
        return {
            "swd": wasserstein(weights, features.patches, own.patches.mean(axis=0)),
            # an energy distance is a squared distance
            "feat": np.sqrt(np.maximum(energy(weights, *feat), 0.0)),
            "pal": np.sqrt(np.maximum(energy(weights, *pal), 0.0)),
            "col": wasserstein(weights, _steps(features.colourfulness), _steps(own.colourfulness).mean(axis=0)),
        }

    def floor(self, size: int) -> dict[str, float]:
        """Estimates the distances of `size` pictures of B itself: 0 for the unbiased energy distances, more for others.

        Args:
            size: number of pictures; the estimate uses at most half of the sample.

        Returns:
            One distance for each of NAMES.
        """
        source = np.random.default_rng(0)
        total = len(self._features.palette)
        taken = [source.permutation(total) < min(size, total // 2) for _ in range(FLOOR_SPLITS)]
        patches, steps = self._features.patches, _steps(self._features.colourfulness)
        return {
            "swd": float(np.mean([_split_distance(patches, chosen) for chosen in taken])),
            "feat": 0.0,
            "pal": 0.0,
            "col": float(np.mean([_split_distance(steps, chosen) for chosen in taken])),
        }


def _pool(responses: torch.Tensor) -> torch.Tensor:
    # from moments: torch.std is several times slower, and rounding does not matter here
    mean, square = responses.mean(dim=1), (responses * responses).mean(dim=1)
    return torch.cat([mean, (square - mean * mean).clamp_min(0.0).sqrt()])


def diversity(features: Features) -> float:
    """Returns the mean distance between the palettes of two different pictures; 0 if all share one palette."""
    return mean_distinct(pairwise(features.palette, features.palette))


def _split_distance(cdfs: np.ndarray, chosen: np.ndarray) -> float:
    return float(np.abs(cdfs[chosen].mean(axis=0) - cdfs[~chosen].mean(axis=0)).mean())


def _steps(values: np.ndarray) -> np.ndarray:
    """Returns cumulative histograms (n, K) of one colourfulness value each."""
    return (values[:, None] <= COLOURFULNESS).astype(np.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limits torch to one thread: sums have the same order on every machine, and small convolutions run fast."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _pyramid(lab: np.ndarray) -> list[torch.Tensor]:
    centred = (lab - LAB_CENTRE) / LAB_UNIT
    levels: list[np.ndarray] = [centred]
    for _ in range(SCALES - 1):
        height, width = levels[-1].shape[:2]
        size = (max(PATCH, width // 2), max(PATCH, height // 2))
        levels.append(np.asarray(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)))
    return [torch.from_numpy(level).permute(2, 0, 1)[None] for level in levels]


def _palette(lab: np.ndarray) -> np.ndarray:
    edges = (PALETTE_BINS, PALETTE_BINS)
    span = (-PALETTE_RANGE, PALETTE_RANGE, -PALETTE_RANGE, PALETTE_RANGE)
    ab = [np.ascontiguousarray(lab[..., 1]), np.ascontiguousarray(lab[..., 2])]
    histogram = cv2.calcHist(ab, [0, 1], None, edges, span)
    return np.sqrt(cv2.GaussianBlur(histogram, (0, 0), 1.0) / lab[..., 0].size).ravel()
