"""Quantus's words: `explain_func` for its metrics, and a torch module whose forward pass is ours.

    import quantus
    model = pw.quantus.as_torch(net)
    metric = quantus.PixelFlipping(…)
    metric(model, x, y, explain_func=pw.quantus.explain_func, explain_func_kwargs={"composite": "epsilon-plus"})
"""

from .attr import to_numpy


def explain_func(model, inputs, targets, *, net=None, composite=None, channels=True, **_):
    """The relevance of a batch as Quantus's metrics ask for it.

    Args:
        model: what `as_torch` gave; any other where `net` is given.
        inputs: `(N, …)`, of any floating-point numbers.
        targets: classes `(N,)`.
        net: the network.
        composite: as for `Net.explain`.
        channels: `False` for relevance summed over channels, `(N, 1, H, W)`.

    Returns:
        Relevance in the shape of `inputs`, an array.
    """
    import numpy

    net = net if net is not None else getattr(model, "net", model)
    x = numpy.asarray(to_numpy(inputs), dtype=net.dtype)
    targets = numpy.asarray(to_numpy(targets)).astype(numpy.int64).reshape(-1)
    relevance = net.explain(x, target=targets, composite=composite, progress=False).relevance
    return relevance if channels else relevance.sum(axis=1, keepdims=True)


def as_torch(net):
    """A torch module whose forward pass is that of `net`. It has no gradients and no parameters.

    Raises:
        ImportError: torch is not installed.
    """
    import torch

    class Network(torch.nn.Module):
        """A network of pixelwise."""

        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            """The network's first output."""
            import numpy

            output = self.net(numpy.asarray(to_numpy(x), dtype=self.net.dtype), progress=False)
            return torch.from_numpy(output).to(device=x.device, dtype=x.dtype)

    return Network().eval()


__all__ = ["as_torch", "explain_func"]
