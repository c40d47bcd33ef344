#!/usr/bin/env python3
"""Trains a small vision transformer, or a convolutional network, on MNIST and writes it as ONNX.

    data/get-mnist.sh
    data/train-vit.py mnist-vit.onnx
    data/train-vit.py mnist-vit-2.onnx --seed 2
    data/train-vit.py mnist-convolutional.onnx --network convolutional

Each takes a few minutes on one core. Both networks take `pixels`, float32, batch × 1 × 28 × 28 from 0 (black) to 1, and
give `scores`, float32, batch × 10, to which no softmax has been applied.

It needs Python 3.10 or newer with torch, onnx and numpy; data/models came from torch 2.15.0 and onnx 1.23.2.
"""

import argparse
import gzip
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 100


class Attention(nn.Module):
    """Self-attention of several heads."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, tokens):
        batch, count, width = tokens.shape
        split = self.queries_keys_values(tokens).reshape(-1, count, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        scores = queries @ keys.transpose(-2, -1) * (width // self.heads) ** -0.5
        mixed = scores.softmax(dim=-1) @ values
        return self.output(mixed.transpose(1, 2).reshape(-1, count, width))


class Block(nn.Module):
    """A block of a transformer, its normalizations in front (as in ViT)."""

    def __init__(self, width, heads):
        super().__init__()
        self.before_attention, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.before_layers = nn.LayerNorm(width)
        self.layers = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens):
        tokens = tokens + self.attention(self.before_attention(tokens))
        return tokens + self.layers(self.before_layers(tokens))


class VisionTransformer(nn.Module):
    """49 patches of 4 × 4 pixels and a class token, which the scores are read from."""

    def __init__(self, width=64, heads=4, blocks=4):
        super().__init__()
        self.patches = nn.Conv2d(1, width, kernel_size=4, stride=4)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, 1 + 49, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.normalization = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, pixels):
        patches = self.patches(pixels).flatten(2).transpose(1, 2)
        class_token = self.class_token.expand(patches.shape[0], -1, -1)
        tokens = self.blocks(torch.cat([class_token, patches], dim=1) + self.positions)
        return self.head(self.normalization(tokens[:, 0]))


def convolutional():
    """Three convolutions with rectifiers and maximum pooling, and two dense layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


NETWORKS = {"vit": VisionTransformer, "convolutional": convolutional}


def digits(folder, split):
    """The pictures, from 0 to 1, and their labels."""
    def read(name, header):
        return numpy.frombuffer(gzip.open(folder / f"{split}-{name}-ubyte.gz").read(), numpy.uint8, offset=header)

    pixels = torch.from_numpy(read("images-idx3", 16).reshape(-1, 1, 28, 28) / numpy.float32(255))
    return pixels, torch.from_numpy(read("labels-idx1", 8).astype(numpy.int64))


def moved(pixels, most=2):
    """Each picture, moved by up to so many pixels in each direction."""
    padded = functional.pad(pixels, [most] * 4)
    rows, columns = torch.randint(2 * most + 1, (2, len(pixels), 1, 1))
    rows, columns = rows + torch.arange(28).view(1, 28, 1), columns + torch.arange(28).view(1, 1, 28)
    return padded[torch.arange(len(pixels)).view(-1, 1, 1), 0, rows, columns].unsqueeze(1)


def train(network, pixels, labels, epochs, steepest):
    steps = epochs * (len(pixels) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=steepest, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, steepest, total_steps=steps, pct_start=0.2)
    network.train()
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(pixels)).split(BATCH):
            loss = functional.cross_entropy(network(moved(pixels[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1} of {epochs}: loss {total / len(pixels):.4f}", flush=True)
    network.eval()


@torch.no_grad()
def accuracy(network, pixels, labels):
    parts = zip(pixels.split(1000), labels.split(1000))
    return sum((network(part).argmax(1) == truth).sum().item() for part, truth in parts) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=pathlib.Path, help="the ONNX file")
    parser.add_argument("--network", choices=NETWORKS, default="vit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--mnist", type=pathlib.Path, default=HERE / "mnist", help="the folder of the digits")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    network = NETWORKS[options.network]()
    train(network, *digits(options.mnist, "train"), options.epochs, steepest=2e-3)
    print(f"knows {accuracy(network, *digits(options.mnist, 't10k')):.2%} of the test digits")
    torch.onnx.export(
        network, (torch.zeros(2, 1, 28, 28),), options.output, opset_version=17, dynamo=False,
        input_names=["pixels"], output_names=["scores"],
        dynamic_axes={"pixels": {0: "batch"}, "scores": {0: "batch"}},
    )  # fmt: skip


if __name__ == "__main__":
    main()
