"""Writes cmyk.jpg and ycck.jpg: one picture as printers keep it.

    python make.py
"""
import io

import numpy
from PIL import Image


def picture(height, width):
    """Red grows to the right, green downwards, blue falls; `tests/jpeg.rs` has the same formula."""
    r, c = numpy.indices((height, width))
    return numpy.stack([40 + 3 * c, 30 + 4 * r, 230 - 2 * c - r], axis=-1).astype(numpy.uint8)


def inks(rgb):
    """Cyan, magenta, yellow and black, as much black as there can be."""
    largest = rgb.max(axis=-1, keepdims=True).astype(float)
    return numpy.concatenate([255 * (1 - rgb / largest), 255 - largest], axis=-1).round().astype(numpy.uint8)


def encoded(inks):
    """A JPEG file with Adobe's marker; Pillow keeps 255 − v of each ink v, as Adobe's programs do."""
    file = io.BytesIO()
    Image.fromarray(inks, "CMYK").save(file, "JPEG", quality=95, optimize=True)
    return bytearray(file.getvalue())


cmyk = inks(picture(48, 64))
open("cmyk.jpg", "wb").write(encoded(cmyk))

# Pillow does not write YCCK: Y, Cb and Cr take the places of the inks, and Adobe's marker gets transform 2.
ycc = numpy.asarray(Image.fromarray(cmyk[..., :3]).convert("YCbCr"))
ycck = encoded(numpy.concatenate([255 - ycc, cmyk[..., 3:]], axis=-1))
ycck[ycck.index(b"Adobe") + 11] = 2
open("ycck.jpg", "wb").write(ycck)
