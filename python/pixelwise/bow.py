"""Bag-of-Words classifiers: learned, and the pictures of polygons and circles (Bach et al. 2015, Fig 6).

>>> import pixelwise as pw
>>> scenes = pw.bow.PolygonsAndCircles(seed=1)
>>> scenes[0].has_polygon, scenes[1].has_polygon, scenes[0].image.shape
(True, False, (102, 102, 3))
"""

import os as _os
import tempfile as _tempfile

from . import _native
from ._native import Scene


class PolygonsAndCircles:
    """A sequence of pictures with polygons, circles or nothing; those at even places have a polygon.

    Args:
        seed: what they are drawn from.
        count: how many there are.
        size: rows and columns, 102 × 102 as in the paper where none are given.
    """

    def __init__(self, seed=1, count=1000, *, size=None):
        self._seed, self._count, self._size = seed, count, size

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        if not 0 <= index < self._count:
            raise IndexError(f"scene {index} of {self._count}")
        return _native.polygons_and_circles(self._seed, index, self._size)


def image(photo):
    """A photo as Bag-of-Words classifiers take it: `(H, W, C)`, float64 in [0, 1].

    Args:
        photo: a path, a picture of PIL, or an array of uint8.
    """
    if isinstance(photo, (str, _os.PathLike)):
        return _native.to_unit_range(_native.read_photo(photo))
    if hasattr(photo, "convert"):
        import numpy

        photo = numpy.asarray(photo.convert("L" if photo.mode in ("1", "L") else "RGB"))
        photo = photo[:, :, None] if photo.ndim == 2 else photo
    return _native.to_unit_range(photo)


def train(
    photos,
    classes,
    *,
    output=None,
    configuration="voc2009",
    words=None,
    kernel="histogram-intersection",
    cost=None,
    seed=None,
    cache=None,
    threads=None,
):
    """Learns a classifier and writes it.

    Args:
        photos: paths of photos, for a classifier of photographs; or arrays `(H, W, C)`, of uint8 or of float64 in [0, 1], for
            one of tiles: dense SIFT, the rank mapping (Eq. 64), one kernel.
        classes: for photographs the names of the classes, each with `True`, `False` or `None` (hard to tell) for each photo;
            for tiles `True` or `False` for each.
        output: the model's file; `None` for one that is gone once it is read, so that the model lives in memory alone.
        configuration: of photographs: a name (`pixelwise train --help`) or a TOML file.
        words: of photographs the sizes of the codebooks, one for each channel; of tiles their number (100).
        kernel: of tiles: its name.
        cost: C of the support vector machines (10).
        seed: what is drawn from (of tiles 1).
        cache: of photographs: a folder that keeps vectors for the next run.

    Returns:
        The classifier, a `Net`. Photos that could not be read are warned of.

    >>> import pixelwise as pw
    >>> scenes = [pw.bow.PolygonsAndCircles(seed=1)[i] for i in range(20)]
    >>> net = pw.bow.train([s.image for s in scenes], [s.has_polygon for s in scenes], words=16)
    >>> a = net.explain(pw.bow.image(pw.bow.PolygonsAndCircles(seed=2)[0].image))
    >>> a.relevance.shape
    (1, 102, 102)
    >>> a.check()
    """
    from . import load

    photos = list(photos)
    are_files = bool(photos) and isinstance(photos[0], (str, _os.PathLike))
    with _tempfile.TemporaryDirectory() as folder:
        file = _os.fspath(output) if output is not None else _os.path.join(folder, "classifier.model")
        if are_files:
            named = [(name, list(shown)) for name, shown in classes.items()]
            left_out = _native.train(photos, named, file, str(configuration), words, cost, seed, cache, threads)
            _warn(left_out)
        else:
            shown = [bool(is_shown) for is_shown in classes]
            _native.train_tiles(photos, shown, file, words or 100, kernel, cost or 10.0, seed or 1, threads)
        if output is not None:
            return load(file, threads=threads)
        with open(file, "rb") as opened:
            return load(opened.read(), threads=threads)


def _warn(left_out):
    import warnings

    for _, reason in left_out:
        warnings.warn(f"left out: {reason}", stacklevel=3)


__all__ = ["PolygonsAndCircles", "Scene", "image", "train"]
