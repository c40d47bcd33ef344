"""Writes expected.json: what timm, transformers and torchvision make of small pictures, each by its own configuration.

    pip install timm transformers torch torchvision pillow
    python make_expected.py > expected.json
"""
import json

import numpy
import PIL
import timm
import torch
import torchvision
import transformers
from PIL import Image
from timm.data import create_transform, resolve_data_config
from torchvision import transforms
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
LARGE = 100


def picture(height, width):
    """As in `tests/pillow/make_expected.py`."""
    r, c, k = numpy.indices((height, width, 3))
    return numpy.where((r * r + 3 * c + 5 * k) % 7 < 2, 255, (37 * r + 101 * c + 59 * k * r) % 256).astype(numpy.uint8)


def case(name, text, shape, values):
    """All values of a small result, and every so many of a large one."""
    values = numpy.asarray(values, dtype=numpy.float32)
    step = 1 + values.size // LARGE
    kept = [float("%.9g" % value) for value in values.flatten()[::step]]
    return {"name": name, "text": text, "photo": shape, "shape": values.shape, "step": step, "values": kept}


def of_timm(shape, **config):
    transform = create_transform(**resolve_data_config(pretrained_cfg=config))
    text = json.dumps({"architecture": "none", "pretrained_cfg": config})
    made = transform(Image.fromarray(picture(*shape)))
    mode = config.get("crop_mode", "center")
    cases = [case(f"timm {mode}", text, shape, made)]
    return cases + [case(f"timm {mode}, printed", str(transform), shape, made)]


def of_hugging_face(kind, shape, **config):
    processor = getattr(transformers, kind)(**config)
    made = processor(Image.fromarray(picture(*shape)), return_tensors="np")["pixel_values"][0]
    return [case(f"{kind} {config}", json.dumps(json.loads(processor.to_json_string())), shape, made)]


def of_torchvision(shape, transform):
    return [case("torchvision", repr(transform), shape, transform(Image.fromarray(picture(*shape))))]


cases = []
for shape in [(13, 19), (31, 23)]:
    for mode in ("center", "squash", "border"):
        cases += of_timm(shape, input_size=[3, 9, 9], crop_pct=0.9, crop_mode=mode, interpolation="bicubic",
                         mean=[0.5, 0.4, 0.3], std=[0.2, 0.25, 0.3])
cases += of_timm((13, 19), input_size=[3, 9, 7], crop_pct=0.8, interpolation="bicubic", mean=MEAN, std=STD)
cases += of_timm((17, 12), input_size=[3, 9, 9], crop_pct=1.0, interpolation="bilinear", mean=[0.0] * 3, std=[1.0] * 3)

for resample in range(6):
    cases += of_hugging_face("ViTImageProcessor", (13, 19), size={"height": 7, "width": 9}, resample=resample)
cases += of_hugging_face("ViTImageProcessor", (13, 19), size={"height": 7, "width": 9}, do_normalize=False)
cases += of_hugging_face("ViTImageProcessor", (7, 9), do_resize=False, do_rescale=False, image_mean=[1, 2, 3], image_std=[9, 8, 7])
cases += of_hugging_face("ViTImageProcessor", (13, 19), size={"height": 7, "width": 9}, rescale_factor=1 / 127.5)
cases += of_hugging_face("DeiTImageProcessor", (13, 19), size={"height": 12, "width": 12}, crop_size={"height": 7, "width": 9})
cases += of_hugging_face("BitImageProcessor", (13, 19), size={"shortest_edge": 10}, crop_size={"height": 7, "width": 7})
cases += of_hugging_face("BitImageProcessor", (19, 13), size={"shortest_edge": 4}, crop_size={"height": 7, "width": 7})
cases += of_hugging_face("CLIPImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_size={"height": 8, "width": 8})
cases += of_hugging_face("ConvNextImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_pct=0.875)
cases += of_hugging_face("ConvNextImageProcessor", (23, 17), size={"shortest_edge": 8})
cases += of_hugging_face("ConvNextImageProcessor", (13, 19), size={"shortest_edge": 384})
cases += of_hugging_face("LevitImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_size={"height": 8, "width": 8})
cases += of_hugging_face("PoolFormerImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_pct=0.9, crop_size={"height": 9, "width": 9})
cases += of_hugging_face("MobileNetV2ImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_size={"height": 8, "width": 8})
cases += of_hugging_face("MobileViTImageProcessor", (13, 19), size={"shortest_edge": 9}, crop_size={"height": 8, "width": 8})
cases += of_hugging_face("EfficientNetImageProcessor", (13, 19), size={"height": 7, "width": 9})
cases += of_hugging_face("EfficientNetImageProcessor", (13, 19), size={"height": 7, "width": 9}, rescale_offset=True,
                         rescale_factor=1 / 127.5, include_top=False)

cases += of_torchvision((13, 19), ImageClassification(crop_size=9, resize_size=11))
cases += of_torchvision((13, 19), ImageClassification(crop_size=9, resize_size=9, interpolation=InterpolationMode.BICUBIC))
cases += of_torchvision((13, 19), transforms.Compose([
    transforms.Resize((9, 12)), transforms.CenterCrop(7), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]))
cases += of_torchvision((13, 19), transforms.Compose([
    transforms.Grayscale(), transforms.Resize(9, InterpolationMode.NEAREST), transforms.ToTensor()]))

versions = {module.__name__: module.__version__ for module in (PIL, timm, torch, torchvision, transformers)}
print(json.dumps({"versions": versions, "cases": cases}, separators=(",", ":")))
