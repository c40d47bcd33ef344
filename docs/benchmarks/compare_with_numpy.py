"""Times pixelwise against the same stages in numpy and scipy: same machine, one thread each, in turns.

    python compare_with_numpy.py [--rounds 3] [--seconds 1] [--only TEXT]

The numpy side is what one writes for speed in numpy: whole arrays at once, temporaries reused, tables made beforehand.
The Rust side is the crates' own benches. Times are processor time of the process, on both sides, and each is that of the
fastest sample of all rounds: both leave out what other programs on the machine take away.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Callable

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")}
os.environ.update(ONE_THREAD)  # before numpy starts its threads

import numpy as np  # noqa: E402
from scipy.ndimage import gaussian_filter, map_coordinates  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SIDE = 102
SCALES = (2.0, 3.0)
PHOTO = (240, 320)


# ---------------------------------------------------------------------------------------------------- local features
@lru_cache
def sift_tables(scale):
    """Sample offsets, the Gaussian window, and each sample's weight in the 4×4 cells, (256, 16)."""
    width = 12 * scale
    offsets = (np.arange(16) + 0.5) * width / 16 - width / 2
    v, u = (grid.ravel() for grid in np.meshgrid(offsets, offsets, indexing="ij"))
    window = np.exp(-(u**2 + v**2) / (2 * (width / 2) ** 2))
    centers = (np.arange(4) + 0.5) * width / 4 - width / 2
    weight = lambda at: np.maximum(0, 1 - np.abs(at[:, None] - centers) / (width / 4))
    cells = (weight(v)[:, :, None] * weight(u)[:, None, :]).reshape(256, 16)
    return u, v, window, cells


def dense_sift(gray, scale, step=6):
    """Descriptors (L, 128), and their frames (L, 4): row, column, side, angle."""
    u, v, window, cells = sift_tables(scale)
    along_rows, along_columns = np.gradient(gaussian_filter(gray, scale / 2, mode="nearest"))
    rows, columns = np.meshgrid(*(np.arange(step // 2, n, step) for n in gray.shape), indexing="ij")
    rows, columns = rows.ravel(), columns.ravel()
    main_x, main_y = (
        gaussian_filter(gradient, 1.5 * scale, mode="nearest")[rows, columns]
        for gradient in (along_columns, along_rows)
    )
    angles = np.where(np.hypot(main_x, main_y) > 1e-6, np.arctan2(main_y, main_x), 0.0)

    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    at = np.stack([rows[:, None] + u * sin + v * cos, columns[:, None] + u * cos - v * sin])
    x = map_coordinates(along_columns, at, order=1, mode="constant")
    y = map_coordinates(along_rows, at, order=1, mode="constant")
    turned_x, turned_y = x * cos + y * sin, y * cos - x * sin
    magnitude = np.hypot(turned_x, turned_y) * window
    bins = np.arctan2(turned_y, turned_x) * (8 / (2 * np.pi))
    lower = np.floor(bins)
    upper_part = magnitude * (bins - lower)
    lower_part = magnitude - upper_part
    lower = lower.astype(np.int8) & 7
    upper = (lower + 1) & 7

    descriptors = np.empty((len(rows), 16, 8))
    for orientation in range(8):
        votes = lower_part * (lower == orientation) + upper_part * (upper == orientation)
        descriptors[:, :, orientation] = votes @ cells
    descriptors = descriptors.reshape(len(rows), 128)
    norms = np.linalg.norm(descriptors, axis=1, keepdims=True)
    descriptors = np.where(norms > 1e-3, np.minimum(descriptors / np.maximum(norms, 1e-12), 0.2), 0.0)
    descriptors /= np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)
    return descriptors, np.stack([rows, columns, np.full(len(rows), 12 * scale), angles], axis=1)


@lru_cache
def upright_tables(length, scale, step):
    """Along one axis: the pixels before all samples of upright descriptors, where between that pixel and the next each
    sample lies, and its weight in the grid's cells, (cells, samples)."""
    width = 12 * scale
    offsets = (np.arange(16) + 0.5) * width / 16 - width / 2
    centers = (np.arange(4) + 0.5) * width / 4 - width / 2
    shares = np.maximum(0, 1 - np.abs(centers[:, None] - offsets) / (width / 4))
    weights = (shares * np.exp(-(offsets**2) / (2 * (width / 2) ** 2))).astype(np.float32)
    at = np.arange(step // 2, length, step)[:, None] + offsets
    inside = (at >= 0) & (at <= length - 1)
    positions, numbers = np.unique(at[inside], return_inverse=True)
    number_of = np.zeros(at.shape, int)
    number_of[inside] = numbers
    point, cell, sample = np.nonzero((weights > 0) & inside[:, None, :])
    coordinates = (4 * point + cell, number_of[point, sample])
    gather = csr_array((weights[cell, sample], coordinates), shape=(4 * len(at), len(positions)))
    before = np.minimum(positions.astype(int), length - 2)
    return before, (positions - before).astype(np.float32), gather


def upright_sift(gray, scale=3.0, step=6):
    """Descriptors (L, 128), none of them turned: each crossing of sample rows and columns votes once."""
    above, down, gather_rows = upright_tables(gray.shape[0], scale, step)
    left, right, gather_columns = upright_tables(gray.shape[1], scale, step)

    def at_crossings(component):
        rows = component[above]
        rows += (component[above + 1] - rows) * down[:, None]
        crossings = rows[:, left]
        crossings += (rows[:, left + 1] - crossings) * right
        return crossings

    y, x = map(at_crossings, np.gradient(gaussian_filter(gray.astype(np.float32), scale / 2, mode="nearest")))
    magnitude = np.sqrt(x * x + y * y)
    bins = np.arctan2(y, x)
    bins *= np.float32(8 / (2 * np.pi))
    lower = np.floor(bins)
    upper_part = magnitude * (bins - lower)
    lower = lower.astype(np.int8).ravel() & 7
    votes = np.zeros(x.size * 8, np.float32)
    start = np.arange(0, votes.size, 8)
    votes[start + lower] = (magnitude - upper_part).ravel()
    votes[start + ((lower + 1) & 7)] = upper_part.ravel()

    rows = (gather_rows @ votes.reshape(len(x), -1)).reshape(-1, x.shape[1], 8)
    cells = gather_columns @ rows.transpose(1, 0, 2).reshape(x.shape[1], -1)
    cells = cells.reshape(-1, 4, len(rows) // 4, 4, 8)  # column and its cell, row and its cell, orientation
    descriptors = cells.transpose(2, 0, 3, 1, 4).reshape(-1, 128)
    norm = lambda: np.sqrt(np.einsum("ld,ld->l", descriptors, descriptors))[:, None]
    norms = norm()
    descriptors = np.where(norms > 1e-3, np.minimum(descriptors / np.maximum(norms, 1e-12), 0.2), 0.0)
    descriptors /= np.maximum(norm(), 1e-12)
    return descriptors


def pixel_relevance(relevance, frames, shape):
    """R¹ (Eqs 33, 34) of rotated squares: each looks at the pixels of the box around it."""
    pixels = np.zeros(shape)
    cos, sin = np.cos(frames[:, 3]), np.sin(frames[:, 3])
    every = np.arange(max(shape))
    for share, (row, column, side, _), c, s in zip(relevance, frames, cos, sin):
        half = side / 2
        reach = half * (abs(c) + abs(s))
        top, bottom = max(int(row - reach), 0), min(int(row + reach) + 2, shape[0])
        left, right = max(int(column - reach), 0), min(int(column + reach) + 2, shape[1])
        dy, dx = every[top:bottom, None] - row, every[left:right] - column
        u, v = dx * c + dy * s, dy * c - dx * s
        inside = (u >= -half) & (u < half) & (v >= -half) & (v < half)
        pixels[top:bottom, left:right] += inside * (share / np.count_nonzero(inside))
    return pixels


# -------------------------------------------------------------------------------------------------------- bag of words
def rank_encode(features, words, base, nearest):
    """The rank mapping (Eq. 64), as a sparse (L, V) matrix."""
    distances = features @ words.T
    distances *= -2
    distances += np.einsum("vd,vd->v", words, words)  # ‖l‖² is the same for all words
    found = np.argpartition(distances, nearest, axis=1)[:, :nearest]
    order = np.argsort(np.take_along_axis(distances, found, axis=1), axis=1)
    found = np.take_along_axis(found, order, axis=1)
    values = np.tile(base ** -np.arange(1.0, nearest + 1), len(features))
    starts = np.arange(0, len(values) + 1, nearest)
    return csr_array((values, found.ravel(), starts), shape=(len(features), len(words)))


def soft_encode(features, words, beta):
    """The soft mapping (Eq. 36), dense."""
    weights = features @ words.T
    weights *= -2
    weights += np.einsum("ld,ld->l", features, features)[:, None]
    weights += np.einsum("vd,vd->v", words, words)
    np.maximum(weights, 0, out=weights)
    np.sqrt(weights, out=weights)
    weights *= -beta
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def feature_relevance(relevance, mapped):
    """R² for mean pooling (Eq. 27); `mapped` is dense or sparse."""
    sums = np.asarray(mapped.sum(axis=0))
    unused = sums == 0
    shares = mapped @ np.divide(relevance, sums, out=np.zeros_like(relevance), where=~unused)
    return shares + relevance[unused].sum() / mapped.shape[0]


# ------------------------------------------------------------------------------------------------------------- kernels
def chi_squared(points, x):
    """Σ_d (x_i − x)² / (x_i + x), over the last axis."""
    sums = points + x
    differences = points - x
    differences *= differences
    sums[sums == 0] = 1
    differences /= sums
    return differences.sum(axis=-1)


def chi_squared_gradient(points, coefficients, sigma, x):
    """Σ_i α_i ∂k(x_i, x)/∂x_d (Eq. 45)."""
    weights = coefficients * np.exp(-sigma * chi_squared(points, x)) * sigma
    sums = points + x
    sums[sums == 0] = 1
    quotients = np.divide(points, sums, out=sums)
    quotients *= quotients
    return 4 * (weights @ quotients) - weights.sum()


class SortedIntersection:
    """R³ of histogram intersection (Eq. 43) by binary search in sorted columns, all dimensions at once."""

    def __init__(self, points, coefficients, bias):
        order = np.argsort(points, axis=0)
        self.sorted = np.take_along_axis(points, order, axis=0)
        weights = coefficients[order]
        above = weights.sum(axis=0) - np.cumsum(weights, axis=0)
        none = np.zeros((1, points.shape[1]))
        self.below = np.concatenate([none, np.cumsum(weights * self.sorted, axis=0)])
        self.above = np.concatenate([weights.sum(axis=0, keepdims=True), above])
        self.share_of_bias = bias / points.shape[1]
        self.columns = np.arange(points.shape[1])

    def __call__(self, x):
        low = np.zeros(len(x), dtype=np.intp)
        high = np.full(len(x), len(self.sorted))
        for _ in range(len(self.sorted).bit_length()):
            middle = (low + high) >> 1
            open_ = low < high
            smaller = open_ & (self.sorted[np.minimum(middle, len(self.sorted) - 1), self.columns] <= x)
            low = np.where(smaller, middle + 1, low)
            high = np.where(open_ & ~smaller, middle, high)
        return self.share_of_bias + self.below[low, self.columns] + x * self.above[low, self.columns]


# --------------------------------------------------------------------------------------------------- whole explanations
@dataclass
class Classifier:
    """Two channels, one χ² kernel each. The values are drawn, the sizes are those of the learned classifier."""

    words: list
    support: list
    coefficients: np.ndarray
    sigmas: list
    bias: float = 0.0
    points: np.ndarray = None
    scores: np.ndarray = None

    @classmethod
    def drawn(cls, descriptors, support_vectors, random):
        words = [np.vstack([d[random.choice(len(d), 127, replace=False)], np.zeros(d.shape[1])]) for d in descriptors]
        points = random.gamma(0.5, size=(500, 256)) * (random.random((500, 256)) < 0.4)
        points[:, :128] /= points[:, :128].sum(axis=1, keepdims=True)
        points[:, 128:] /= points[:, 128:].sum(axis=1, keepdims=True)
        support = [points[:support_vectors, :128].copy(), points[:support_vectors, 128:].copy()]
        made = cls(words, support, random.normal(size=support_vectors), [1.0, 1.0], points=points)
        made.bias = -np.median(made.score(points))
        made.scores = made.score(points)
        return made

    def score(self, x):
        parts = zip(self.support, self.sigmas, (x[:, :128], x[:, 128:]))
        values = (np.exp(-sigma * chi_squared(support, part[:, None])) for support, sigma, part in parts)
        return self.bias + 0.5 * sum(values) @ self.coefficients

    def gradient(self, x):
        parts = zip(self.support, self.sigmas, (x[:128], x[128:]))
        gradients = [chi_squared_gradient(support, self.coefficients, sigma, part) for support, sigma, part in parts]
        return 0.5 * np.concatenate(gradients)

    def root_relevance(self, x, candidates, halvings):
        """R³ about the best of the roots towards the nearest candidates (Eq. 25)."""
        score = self.score(x[None])[0]
        opposite = np.flatnonzero(self.scores * score < 0)
        distances = ((self.points[opposite] - x) ** 2).sum(axis=1)
        towards = self.points[opposite[np.argsort(distances, kind="stable")[:candidates]]]
        low, high = np.zeros((len(towards), 1)), np.ones((len(towards), 1))
        for _ in range(halvings):
            middle = (low + high) / 2
            same = (self.score(middle * x + (1 - middle) * towards) * score > 0)[:, None]
            low, high = np.where(same, low, middle), np.where(same, middle, high)
        at = (low + high) / 2
        roots = at * x + (1 - at) * towards
        relevances = np.stack([(x - root) * self.gradient(root) for root in roots])
        return relevances[np.argmin(np.abs(score - relevances.sum(axis=1)))]

    def explain(self, image, candidates=5, halvings=64):
        gray = image @ np.array([0.299, 0.587, 0.114])
        described = [dense_sift(gray, scale) for scale in SCALES]
        mapped = [rank_encode(descriptors, words, 2.0, 4) for (descriptors, _), words in zip(described, self.words)]
        pooled = [np.asarray(m.mean(axis=0)) for m in mapped]
        x = np.concatenate([vector / vector.sum() for vector in pooled])
        relevance = self.root_relevance(x, candidates, halvings)
        channels = zip(np.split(relevance, 2), mapped, described)
        return sum(pixel_relevance(feature_relevance(r, m), frames, gray.shape) for r, m, (_, frames) in channels)


# -------------------------------------------------------------------------------------------------------------- inputs
def flat_tile():
    """The tile of the bench of local-features: a triangle and a circle on flat ground."""
    row, column = np.mgrid[:SIDE, :SIDE].astype(float)
    triangle = (row < 60) & (column > 10) & (column + 0.6 * row < 50)
    circle = (row - 70) ** 2 + (column - 70) ** 2 < 400
    return np.where(triangle, 0.9, np.where(circle, 0.3, 0.6))


def busy_tile():
    """Its other one: gradients everywhere."""
    row, column = np.mgrid[:SIDE, :SIDE].astype(float)
    return 0.5 + 0.2 * np.sin(0.37 * row + 0.11 * column) + 0.2 * np.cos(0.23 * column - 0.05 * row * np.sqrt(column))


@dataclass
class Row:
    """One line of the table: a stage, its bench, and its twin in numpy."""

    name: str
    bench: str
    numpy: Callable[[], object]


def tile_rows():
    flat, busy = flat_tile(), busy_tile()
    sift = lambda tile: [dense_sift(tile, scale) for scale in SCALES]
    frames = [frames for _, frames in sift(busy)]
    relevance = np.sin(np.arange(len(frames[0])))
    return [
        Row("dense SIFT, scales 2 and 3, tile on flat ground", "dense_sift_two_scales_tile", lambda: sift(flat)),
        Row("dense SIFT, scales 2 and 3, busy tile", "dense_sift_two_scales_busy_tile", lambda: sift(busy)),
        Row(
            "R¹, 578 areas of a busy tile",
            "pixel_relevance_two_scales_tile",
            lambda: [pixel_relevance(relevance, f, (SIDE, SIDE)) for f in frames],
        ),
    ]


def explanation_rows(support_vectors):
    tile = flat_tile()
    descriptors = [dense_sift(busy_tile(), scale)[0] for scale in SCALES]
    classifier = Classifier.drawn(descriptors, support_vectors, np.random.default_rng(0))
    image = np.repeat(tile[:, :, None], 3, axis=2)
    frames = [dense_sift(tile, scale)[1] for scale in SCALES]
    relevance = np.sin(np.arange(len(frames[0])))
    spread = lambda: [pixel_relevance(relevance, f, (SIDE, SIDE)) for f in frames]
    rows = []
    for which, bench in (("test tile", "tile"), ("part of a composite", "part")):
        rows.append(Row(f"R¹, 578 areas of a {which}", f"stage/R1_both_scales/{bench}", spread))
        for halvings in (64, 30):
            explain = lambda halvings=halvings: classifier.explain(image, halvings=halvings)
            name = f"explanation of a {which}; numpy: {halvings} halvings"
            rows.append(Row(name, f"explanation/chi2_5_candidates/{bench}", explain))
    return rows


def mapping_rows():
    random = np.random.default_rng(0)
    features, words = random.normal(size=(10_000, 128)), random.normal(size=(1024, 128))
    sparse = rank_encode(features, words, 2.4, 8)
    dense, relevance = sparse.toarray(), random.normal(size=1024)
    on_dense, on_sparse = (lambda mapped=mapped: feature_relevance(relevance, mapped) for mapped in (dense, sparse))
    return [
        Row(
            "rank mapping, L 10000, D 128, V 1024, n 8",
            "rank_encode_L10000_D128_V1024_n8",
            lambda: rank_encode(features, words, 2.4, 8),
        ),
        Row(
            "soft mapping, L 10000, D 128, V 1024",
            "soft_encode_L10000_D128_V1024",
            lambda: soft_encode(features, words, 1.0),
        ),
        Row(
            "soft mapping and mean pooling, L 10000, D 128, V 1024",
            "soft_encode_and_pool_L10000_D128_V1024",
            lambda: soft_encode(features, words, 1.0).mean(axis=0),
        ),
        Row("R², L 10000, V 1024: sparse; numpy: dense", "R2_sparse_p1_L10000_V1024", on_dense),
        Row("R², L 10000, V 1024: dense; numpy: dense", "R2_dense_p1_L10000_V1024", on_dense),
        Row("R², L 10000, V 1024: sparse; numpy: scipy.sparse", "R2_sparse_p1_L10000_V1024", on_sparse),
    ]


def voc_rows():
    """One photo of the size of VOC's, from gray values to pixels."""
    random = np.random.default_rng(0)
    gray = gaussian_filter(random.random((600, 600)), 1)
    words = upright_sift(gray)[: 9 * 1024 : 9].copy()
    points = random.random((2000, 1024)) ** 3
    points /= points.sum(axis=1, keepdims=True)
    coefficients = random.random(2000) - 0.5
    rows, columns = (grid.ravel() for grid in np.meshgrid(*(np.arange(3, 600, 6),) * 2, indexing="ij"))
    frames = np.stack([rows, columns, np.full(len(rows), 36.0), np.zeros(len(rows))], axis=1)

    def explain():
        mapped = rank_encode(upright_sift(gray), words, 2.4, 8)
        x = np.asarray(mapped.mean(axis=0))
        relevance = coefficients @ np.minimum(points, x / x.sum()) + 0.1 / len(x)
        return pixel_relevance(feature_relevance(relevance, mapped), frames, gray.shape)

    return [
        Row("upright SIFT, scale 3, 600×600", "voc/sift", lambda: upright_sift(gray)),
        Row("HI explanation, L 10000, V 1024, N 2000", "voc/explanation/histogram_intersection", explain),
    ]


def photo_rows():
    random = np.random.default_rng(0)
    image = gaussian_filter(random.random((*PHOTO, 3)), (1, 1, 0))
    red, green, blue = np.moveaxis(image, 2, 0)
    gray = lambda: 0.299 * red + 0.587 * green + 0.114 * blue
    opponent = lambda: (red + green - 2 * blue + 2) / 4
    assert np.allclose(upright_sift(np.zeros(PHOTO)), 0) and upright_sift(red).shape == (2120, 128)
    features, words = (random.normal(size=(rows, 384)).astype(np.float32) for rows in (2120, 512))
    rank = lambda dimensions: rank_encode(features[:, :dimensions], words[:, :dimensions], 2.4, 8)
    return [
        Row(
            "upright SIFT of gray and opponent color, 320×240",
            "features/gray_opponent",
            lambda: [upright_sift(gray()), upright_sift(opponent())],
        ),
        Row(
            "upright SIFT of red, green and blue, 320×240",
            "features/red_green_blue",
            lambda: [upright_sift(channel) for channel in (red, green, blue)],
        ),
        Row("rank mapping, L 2120, D 256, V 512, n 8", "mapping/gray_opponent", lambda: rank(256)),
        Row("rank mapping, L 2120, D 384, V 512, n 8", "mapping/red_green_blue", lambda: rank(384)),
    ]


def kernel_rows():
    random = np.random.default_rng(0)
    points = random.random((2000, 1024)) ** 2
    points /= points.sum(axis=1, keepdims=True)
    x, coefficients = points[0].copy(), random.random(2000) - 0.5
    exact = lambda: coefficients @ np.minimum(points, x) + 0.1 / len(x)
    intersections = lambda: np.minimum(points, x).sum(axis=1)
    classes = np.where(random.random((20, 2000)) < 0.33, 0, random.random((20, 2000)) - 0.5)
    by_search = SortedIntersection(points, coefficients, 0.1)
    assert np.allclose(by_search(x), exact())
    return [
        Row("R³ HI exact, N 2000, V 1024", "voc/R3_hi_exact", exact),
        Row("R³ HI exact, N 2000, V 1024, both sorted", "voc/R3_hi_sorted", lambda: by_search(x)),
        Row("χ² kernel row, N 2000, V 1024", "voc/chi2_row", lambda: coefficients @ np.exp(-chi_squared(points, x))),
        Row("HI scores of 20 classes, N 2000, V 1024", "voc/hi_scores_of_20_classes", lambda: classes @ intersections()),
        Row(
            "χ² scores of 20 classes, N 2000, V 1024",
            "voc/chi2_scores_of_20_classes",
            lambda: classes @ np.exp(-chi_squared(points, x)),
        ),
        Row(
            "χ² Taylor gradient, N 2000, V 1024",
            "voc/R3_chi2_taylor",
            lambda: chi_squared_gradient(points, coefficients, 1.0, x),
        ),
    ]


# -------------------------------------------------------------------------------------------------------------- timing
def cargo_bench(package, bench, *arguments, environment=None):
    command = ["cargo", "bench", "--quiet", "-p", package, "--bench", bench, *arguments]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | (environment or {}), capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stderr}")
    return run.stdout


def time_benches(package, bench, names, seconds):
    """The fastest sample of each bench in milliseconds, and what the benches printed."""
    with tempfile.TemporaryDirectory() as results:
        pattern = "^(" + "|".join(map(re.escape, names)) + ")$"
        options = ["--noplot", "--warm-up-time", "0.5", "--measurement-time", str(seconds), pattern]
        printed = cargo_bench(package, bench, "--", *options, environment={"CRITERION_HOME": results})
        times = {}
        for name in names:
            sample = json.loads(Path(results, name, "new", "sample.json").read_text())
            times[name] = min(time / count for time, count in zip(sample["times"], sample["iters"])) / 1e6
    return times, printed


def time_numpy(call, seconds):
    call()
    fastest, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.process_time()
        call()
        fastest = min(fastest, time.process_time() - start)
    return 1e3 * fastest


def support_vectors():
    """How many the learned χ² classifier has: its bench says so."""
    _, printed = time_benches("bow-classifier", "explanation", [], 1)
    return int(re.search(r"support vectors, χ²: (\d+)", printed)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often the two sides take turns")
    parser.add_argument("--seconds", type=float, default=1.0, help="time for each row, side and round")
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows with this in their names")
    options = parser.parse_args()

    benches = {
        ("local-features", "local_features"): tile_rows,
        ("bow-classifier", "explanation"): lambda: explanation_rows(support_vectors()),
        ("bow-mapping", "mapping"): mapping_rows,
        ("bow-classifier", "photos"): photo_rows,
        ("bow-classifier", "voc"): voc_rows,
        ("kernels", "kernels"): kernel_rows,
    }
    print(f"{'row':<58} {'numpy ms':>9} {'pixelwise ms':>13} {'ratio':>7}")
    for bench, make_rows in benches.items():
        cargo_bench(*bench, "--no-run")
        rows = [row for row in make_rows() if options.only in row.name]
        if not rows:
            continue
        numpy, rust = ({row.name: float("inf") for row in rows} for _ in range(2))
        for _ in range(options.rounds):
            times, _ = time_benches(*bench, sorted({row.bench for row in rows}), options.seconds)
            for row in rows:
                rust[row.name] = min(rust[row.name], times[row.bench])
                numpy[row.name] = min(numpy[row.name], time_numpy(row.numpy, options.seconds))
        for row in rows:
            ratio = numpy[row.name] / rust[row.name]
            print(f"{row.name:<58} {numpy[row.name]:>9.3f} {rust[row.name]:>13.4f} {ratio:>7.1f}", flush=True)


if __name__ == "__main__":
    main()
