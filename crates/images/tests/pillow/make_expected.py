"""Writes expected.json: what Pillow and torchvision make of small pictures.

    python make_expected.py > expected.json
"""
import json

import numpy
import PIL
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

INTERPOLATIONS = {name.lower(): InterpolationMode[name] for name in ("BILINEAR", "BICUBIC", "NEAREST")}


def picture(height, width, channels):
    """Byte (r, c, k) is 255 where (r·r + 3c + 5k) mod 7 < 2, otherwise (37r + 101c + 59k·r) mod 256: sharp edges
    beside smooth and rough parts. `tests/pillow.rs` has the same formula."""
    r, c, k = numpy.indices((height, width, channels))
    return numpy.where((r * r + 3 * c + 5 * k) % 7 < 2, 255, (37 * r + 101 * c + 59 * k * r) % 256).astype(numpy.uint8)


def case(shape, interpolation, resize, crop=None, network="rgb"):
    photo = picture(*shape)
    image = Image.fromarray(photo[:, :, 0] if shape[2] == 1 else photo)
    steps = [transforms.Resize(resize, INTERPOLATIONS[interpolation])]
    steps += [transforms.CenterCrop(crop)] if crop else []
    shown = numpy.asarray(transforms.Compose(steps)(image.convert("L" if network == "gray" else "RGB")))
    return {
        "shape": shape, "interpolation": interpolation, "resize": resize, "crop": crop, "network": network,
        "height": shown.shape[0], "width": shown.shape[1], "shown": shown.flatten().tolist(),
    }


def normalized():
    """torchvision's transforms for ImageNet, small."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    steps = [transforms.Resize(8), transforms.CenterCrop(7), transforms.ToTensor(), transforms.Normalize(mean, std)]
    network = transforms.Compose(steps)(Image.fromarray(picture(12, 17, 3)))
    return {"shape": [12, 17, 3], "network": [float(value) for value in network.flatten()]}


cases = []
for interpolation in INTERPOLATIONS:
    cases += [
        case([13, 19, 3], interpolation, [5, 7]),
        case([13, 19, 3], interpolation, [29, 8]),
        case([3, 2, 3], interpolation, [7, 11]),
        case([1, 1, 3], interpolation, [2, 3]),
        case([19, 100, 1], interpolation, [6, 9], network="gray"),
        case([31, 23, 3], interpolation, 10, [7, 7]),
        case([23, 47, 3], interpolation, 9, [6, 5]),
    ]
cases += [
    case([5, 8, 3], "bilinear", 4, [6, 9]),
    case([5, 8, 3], "bilinear", 4, [7, 3]),
    case([9, 11, 3], "bicubic", [6, 6], network="gray"),
    case([9, 11, 1], "bicubic", [6, 4], network="rgb"),
    case([100, 3, 3], "bicubic", 5, [7, 5]),
]
print(json.dumps({"pillow": PIL.__version__, "torchvision": torchvision.__version__, "normalized": normalized(),
                  "cases": cases}, separators=(",", ":")))
