"""Pictures like MNIST's, made on the fly: digit `index` is a stroke or two, the same wherever it is made."""

import numpy as np

SIDE = 32


def digit(index):
    """The picture of a number, `(1, 32, 32)`, float32."""
    random = np.random.default_rng(index)
    picture = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(1 + index % 3):
        (y, x), (dy, dx) = random.uniform(8, 24, 2), random.uniform(-8, 8, 2)
        for t in np.linspace(0, 1, 24):
            row, column = int(y + t * dy), int(x + t * dx)
            picture[row : row + 2, column : column + 2] = 1
    return picture[None] + random.normal(0, 0.05, (1, SIDE, SIDE)).astype(np.float32)


def checksum(rows):
    """A number for all rows `(id, relevance)`, whatever their order: CRC-32 of each, added up."""
    import zlib

    return sum(zlib.crc32(int(row).to_bytes(8, "little") + np.ascontiguousarray(r).tobytes()) for row, r in rows) % 2**64
