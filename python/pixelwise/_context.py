"""zennit's words: a network under a composite."""


class Context:
    """What `Composite.context(net)` gives: `with` it, a call returns output and relevance."""

    def __init__(self, composite, net):
        self._composite = composite
        self._net = net

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __call__(self, x, seed=None):
        """Output and relevance of a batch.

        Args:
            x: as for `Net.explain`.
            seed: the relevance to begin with, in the shape of the scores; a function that makes it of them; or `None`
                for the predicted class.

        Returns:
            The scores of the output that is explained, `(N, classes)`, and the relevance of `x`.
        """
        if callable(seed):
            seed = seed(self._net.explain(x, composite=self._composite).scores.astype(self._net.dtype))
        a = self._net.explain(x, target=seed, composite=self._composite)
        return a.scores.astype(self._net.dtype), a.relevance
