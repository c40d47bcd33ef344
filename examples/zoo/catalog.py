"""The networks of the zoo: which there are, and how each is built with random numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

# Small images keep files and times small; a network that is made for one size alone has that one.
SMALL = 64
PHOTO = 224

TORCHVISION = {
    "alexnet": PHOTO,
    "convnext_tiny": SMALL,
    "densenet121": SMALL,
    "efficientnet_b0": SMALL,
    "efficientnet_v2_s": SMALL,
    "googlenet": SMALL,
    "inception_v3": 96,
    "maxvit_t": PHOTO,
    "mnasnet0_5": SMALL,
    "mobilenet_v2": SMALL,
    "mobilenet_v3_small": SMALL,
    "regnet_x_400mf": SMALL,
    "regnet_y_400mf": SMALL,
    "resnet18": SMALL,
    "resnet50": SMALL,
    "resnext50_32x4d": SMALL,
    "shufflenet_v2_x0_5": SMALL,
    "squeezenet1_1": SMALL,
    "swin_t": SMALL,
    "swin_v2_t": SMALL,
    "vgg11": PHOTO,
    "vgg11_bn": PHOTO,
    "vit_b_16": PHOTO,
    "wide_resnet50_2": SMALL,
}

# Networks of timm by name, with the options that make them small: `img_size` where the network knows its image.
TIMM = {
    "beit_base_patch16_224": {"img_size": SMALL, "depth": 4, "embed_dim": 192, "num_heads": 3},
    "beitv2_base_patch16_224": {"img_size": SMALL, "depth": 4, "embed_dim": 192, "num_heads": 3},
    "caformer_s18": {},
    "cait_xxs24_224": {"img_size": SMALL, "depth": 6},
    "coat_tiny": {"img_size": SMALL},
    "coatnet_nano_rw_224": {"img_size": PHOTO},
    "convformer_s18": {},
    "convit_tiny": {"img_size": SMALL},
    "convmixer_768_32": {"depth": 6},
    "convnextv2_atto": {},
    "crossvit_tiny_240": {},
    "cspdarknet53": {},
    "cspresnet50": {},
    "darknet53": {},
    "davit_tiny": {},
    "deit3_small_patch16_224": {"img_size": SMALL, "depth": 4},
    "deit_tiny_distilled_patch16_224": {"img_size": SMALL},
    "deit_tiny_patch16_224": {"img_size": SMALL},
    "dla34": {},
    "dpn68": {},
    "eca_resnet33ts": {},
    "edgenext_xx_small": {},
    "efficientformer_l1": {"size": PHOTO},
    "efficientformerv2_s0": {"size": PHOTO},
    "efficientnet_lite0": {},
    "efficientvit_b0": {},
    "efficientvit_m0": {"img_size": PHOTO},
    "ese_vovnet19b_dw": {},
    "eva02_tiny_patch14_224": {"img_size": 56},
    "fastvit_t8": {},
    "fbnetc_100": {},
    "focalnet_tiny_srf": {},
    "gcresnet33ts": {},
    "gcvit_xxtiny": {"img_size": PHOTO},
    "gernet_s": {},
    "ghostnet_100": {},
    "ghostnetv2_100": {},
    "gmlp_ti16_224": {"img_size": SMALL},
    "halonet26t": {"size": 256},
    "hardcorenas_a": {},
    "hgnetv2_b0": {},
    "hiera_tiny_224": {"size": PHOTO},
    "hrnet_w18_small": {},
    "inception_next_atto": {"size": 128},
    "inception_resnet_v2": {"size": 128},
    "inception_v4": {"size": 128},
    "lambda_resnet26t": {"size": 256},
    "lcnet_050": {},
    "levit_128s": {"size": PHOTO},
    "mambaout_femto": {},
    "maxvit_nano_rw_256": {"img_size": 256},
    "mixer_s32_224": {"img_size": SMALL},
    "mixnet_s": {},
    "mobilenetv4_conv_small": {},
    "mobilenetv4_hybrid_medium": {},
    "mobileone_s0": {},
    "mobilevit_xxs": {},
    "mobilevitv2_050": {},
    "mvitv2_tiny": {"size": PHOTO},
    "nasnetalarge": {"size": 128},
    "nest_tiny": {"img_size": PHOTO},
    "nextvit_small": {},
    "nf_regnet_b0": {},
    "nfnet_f0": {},
    "pit_ti_224": {"size": PHOTO},
    "pnasnet5large": {"size": 128},
    "poolformer_s12": {},
    "poolformerv2_s12": {},
    "pvt_v2_b0": {},
    "regnetz_b16": {},
    "repghostnet_050": {},
    "repvgg_a0": {},
    "repvit_m0_9": {},
    "res2net50_26w_4s": {},
    "resmlp_12_224": {"img_size": SMALL},
    "resnest14d": {},
    "resnetv2_50": {},
    "rexnet_100": {},
    "samvit_base_patch16_224": {"img_size": SMALL, "depth": 3, "embed_dim": 192, "num_heads": 3},
    "selecsls42b": {},
    "semnasnet_075": {},
    "sequencer2d_s": {"img_size": SMALL},
    "seresnet50": {},
    "shvit_s1": {},
    "skresnet18": {},
    "spnasnet_100": {},
    "starnet_s1": {},
    "swiftformer_xs": {},
    "tf_efficientnet_b0": {},
    "tf_mobilenetv3_small_minimal_100": {},
    "tiny_vit_5m_224": {"img_size": PHOTO},
    "tinynet_e": {},
    "tnt_s_patch16_224": {"img_size": SMALL, "depth": 4},
    "tresnet_m": {},
    "twins_pcpvt_small": {"img_size": SMALL},
    "twins_svt_small": {"img_size": SMALL},
    "visformer_tiny": {"img_size": PHOTO},
    "vit_base_patch16_siglip_224": {"img_size": SMALL, "depth": 4, "embed_dim": 192, "num_heads": 3},
    "vit_little_patch16_reg4_gap_256": {"img_size": SMALL, "depth": 4},
    "vit_small_patch14_dinov2": {"img_size": 56, "depth": 4},
    "vit_small_patch16_dinov3": {"img_size": SMALL, "depth": 4},
    "vit_tiny_patch16_224": {"img_size": SMALL},
    "volo_d1_224": {"img_size": PHOTO},
    "vovnet39a": {},
    "xception41": {},
    "xcit_nano_12_p16_224": {"img_size": SMALL},
}

_SMALL_VIT = {
    "hidden_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 192,
    "image_size": SMALL,
}

# Networks of transformers: the configuration's class, the network's class, options.
TRANSFORMERS = {
    "beit": ("BeitConfig", "BeitForImageClassification", _SMALL_VIT | {"use_relative_position_bias": True}),
    "bit": ("BitConfig", "BitForImageClassification", {"depths": [1, 1, 1, 1]}),
    "convnext": ("ConvNextConfig", "ConvNextForImageClassification", {"depths": [1, 1, 2, 1]}),
    "convnextv2": ("ConvNextV2Config", "ConvNextV2ForImageClassification", {"depths": [1, 1, 2, 1]}),
    "cvt": ("CvtConfig", "CvtForImageClassification", {"depth": [1, 2, 3]}),
    "data2vec": (
        "Data2VecVisionConfig",
        "Data2VecVisionForImageClassification",
        _SMALL_VIT | {"use_shared_relative_position_bias": True},
    ),
    "deit": ("DeiTConfig", "DeiTForImageClassification", _SMALL_VIT),
    "dinov2": ("Dinov2Config", "Dinov2ForImageClassification", _SMALL_VIT | {"patch_size": 16}),
    "dinov2_registers": (
        "Dinov2WithRegistersConfig",
        "Dinov2WithRegistersForImageClassification",
        _SMALL_VIT | {"patch_size": 16},
    ),
    "efficientnet": (
        "EfficientNetConfig",
        "EfficientNetForImageClassification",
        {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280},
    ),
    "focalnet": (
        "FocalNetConfig",
        "FocalNetForImageClassification",
        {"depths": [1, 1, 2, 1], "image_size": SMALL},
    ),
    "hiera": (
        "HieraConfig",
        "HieraForImageClassification",
        {"depths": [1, 1, 2, 1], "embed_dim": 48, "image_size": [PHOTO, PHOTO]},
    ),
    "levit": ("LevitConfig", "LevitForImageClassification", {"image_size": PHOTO}),
    "mobilenet_v1": ("MobileNetV1Config", "MobileNetV1ForImageClassification", {"depth_multiplier": 0.5}),
    "mobilenet_v2": ("MobileNetV2Config", "MobileNetV2ForImageClassification", {"depth_multiplier": 0.5}),
    "mobilevit": ("MobileViTConfig", "MobileViTForImageClassification", {"image_size": SMALL}),
    "mobilevitv2": ("MobileViTV2Config", "MobileViTV2ForImageClassification", {"width_multiplier": 0.5}),
    "poolformer": ("PoolFormerConfig", "PoolFormerForImageClassification", {"depths": [1, 1, 2, 1]}),
    "pvt": ("PvtConfig", "PvtForImageClassification", {"image_size": SMALL}),
    "pvt_v2": ("PvtV2Config", "PvtV2ForImageClassification", {"image_size": SMALL}),
    "regnet": ("RegNetConfig", "RegNetForImageClassification", {"depths": [1, 1, 2, 1]}),
    "resnet": ("ResNetConfig", "ResNetForImageClassification", {"depths": [1, 1, 2, 1]}),
    "segformer": ("SegformerConfig", "SegformerForImageClassification", {"depths": [1, 1, 1, 1]}),
    "siglip": (
        "SiglipConfig",
        "SiglipForImageClassification",
        {"vision_config": _SMALL_VIT},
    ),
    "swiftformer": ("SwiftFormerConfig", "SwiftFormerForImageClassification", {"image_size": SMALL}),
    "swin": (
        "SwinConfig",
        "SwinForImageClassification",
        {"depths": [1, 2, 2, 1], "embed_dim": 48, "image_size": PHOTO},
    ),
    "swinv2": (
        "Swinv2Config",
        "Swinv2ForImageClassification",
        {"depths": [1, 2, 2, 1], "embed_dim": 48, "image_size": PHOTO},
    ),
    "vit": ("ViTConfig", "ViTForImageClassification", _SMALL_VIT),
    "vit_msn": ("ViTMSNConfig", "ViTMSNForImageClassification", _SMALL_VIT),
}

# Networks of Keras by name.
KERAS = {
    "ConvNeXtTiny": SMALL,
    "DenseNet121": SMALL,
    "EfficientNetB0": SMALL,
    "EfficientNetV2B0": SMALL,
    "InceptionV3": 96,
    "MobileNet": SMALL,
    "MobileNetV2": SMALL,
    "MobileNetV3Small": SMALL,
    "RegNetX002": SMALL,
    "ResNet50": SMALL,
    "ResNet50V2": SMALL,
    "ResNetRS50": SMALL,
    "VGG16": SMALL,
    "Xception": 96,
}

# Sizes of those that take other images than small ones.
_TRANSFORMERS_SIZES = {"hiera": PHOTO, "levit": PHOTO, "swin": PHOTO, "swinv2": PHOTO}


@dataclass(frozen=True)
class Network:
    """A network by name: where it comes from, how it is built, and the size of its image."""

    library: str
    name: str
    build: Callable[[], nn.Module]
    size: int

    @property
    def key(self) -> str:
        """The name that no other network has."""
        return f"{self.library}:{self.name}"

    def load(self) -> nn.Module:
        """Returns the network as a trained one would be: no number of it is one that does nothing."""
        torch.manual_seed(0)
        model = self.build().eval()
        _randomize(model)
        _settle_batch_norms(model, torch.cat([self.image(), torch.randn(5, 3, self.size, self.size)]))
        return model.requires_grad_(False)

    def image(self, seed: int = 1) -> torch.Tensor:
        """Returns what the network is shown."""
        shape = (1, self.size, self.size, 3) if self.library == "keras" else (1, 3, self.size, self.size)
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class _Scores(nn.Module):
    """A network of transformers as one that gives its scores alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.model(pixel_values=image).logits


def _torchvision(name: str) -> nn.Module:
    import torchvision

    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, name)(weights=None, **options)


def _timm(name: str, options: dict) -> nn.Module:
    import timm

    return timm.create_model(name, pretrained=False, **{key: value for key, value in options.items() if key != "size"})


def _transformers(configuration: str, network: str, options: dict) -> nn.Module:
    import transformers

    return _Scores(getattr(transformers, network)(getattr(transformers, configuration)(**options, num_labels=1000)))


def networks() -> list[Network]:
    """Returns all networks of the zoo."""
    all_networks = []
    for name, size in TORCHVISION.items():
        all_networks.append(Network("torchvision", name, lambda name=name: _torchvision(name), size))
    for name, options in TIMM.items():
        size = 240 if name == "crossvit_tiny_240" else options.get("img_size", options.get("size", SMALL))
        build = lambda name=name, options=options: _timm(name, options)  # noqa: E731
        all_networks.append(Network("timm", name, build, size))
    for name, parts in TRANSFORMERS.items():
        build = lambda parts=parts: _transformers(*parts)  # noqa: E731
        all_networks.append(Network("transformers", name, build, _TRANSFORMERS_SIZES.get(name, SMALL)))
    for name, size in KERAS.items():
        all_networks.append(Network("keras", name, _elsewhere, size))
    return all_networks


def _elsewhere() -> nn.Module:
    raise RuntimeError("Keras has an environment of its own")


# The least that weights deviate from 0.
SMALLEST_DEVIATION = 0.01


def _randomize(model: nn.Module) -> None:
    """Gives random numbers to parameters that begin as one number (scales, shifts, positions) or nearly as 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() == 0:
                continue
            if not (parameter == parameter.flatten()[0]).all():
                # Some heads begin so near to 0 that scores would be their biases.
                parameter.mul_(max(1.0, SMALLEST_DEVIATION / float(parameter.std())))
                continue
            start = float(parameter.flatten()[0])
            if start == 0.0:
                parameter.normal_(0.0, 0.05)
            elif abs(start) < 0.1:
                parameter.uniform_(0.1, 0.3)
            else:
                parameter.mul_(torch.empty_like(parameter).uniform_(0.5, 1.5))


def _settle_batch_norms(model: nn.Module, images: torch.Tensor) -> None:
    """Takes the statistics of batch normalizations from images, and moves them by chance."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.running_var is not None]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            model(images)
    model.eval()
    for norm in norms:
        # A few images hardly differ in a mean over all positions: a normalization would make rounding large there.
        norm.running_var.copy_(torch.maximum(norm.running_var, 0.25 * norm.running_mean**2))
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 1.5)
