"""The names that users of zennit, Captum and Quantus know."""

import warnings

import numpy as np
import pytest

import pixelwise as pw


def test_zennit_s_context(lenet):
    net, x = lenet
    composite = pw.Composite.named("epsilon-plus-flat")
    seed = np.eye(10, dtype=np.float32)[[3, 3]]
    with composite.context(net) as modified:
        out, relevance = modified(x, seed)
        _, by_function = modified(x, lambda scores: scores * seed)
        _, predicted = modified(x)
    a = net.explain(x, composite=composite)
    np.testing.assert_array_equal(out, a.scores.astype(np.float32))
    np.testing.assert_array_equal(relevance, net.explain(x, seed, composite).relevance)
    np.testing.assert_allclose(by_function, net.explain(x, 3, composite).relevance, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(predicted, a.relevance)


def test_captum_s_lrp_and_convergence_delta(lenet64):
    net, x = lenet64
    relevance, delta = pw.attr.LRP(net, "epsilon").attribute(x, target=3, return_convergence_delta=True)
    a = net.explain(x, 3, "epsilon")
    np.testing.assert_array_equal(relevance, a.relevance)
    np.testing.assert_allclose(delta, relevance.sum((1, 2, 3)) - a.target_scores, rtol=1e-8)
    steps, delta = pw.attr.IntegratedGradients(net).attribute(x, target=3, n_steps=64, return_convergence_delta=True)
    baseline = net.explain(np.zeros_like(x), 3).target_scores
    np.testing.assert_allclose(delta, steps.sum((1, 2, 3)) - (a.target_scores - baseline), atol=1e-9)
    assert (pw.attr.Saliency(net).attribute(x, 3) >= 0).all()
    for method in (pw.attr.InputXGradient, pw.attr.GuidedBackprop, pw.attr.Deconvolution):
        assert method(net).attribute(x, target=[3, 5]).shape == x.shape


def test_captum_s_own_integrated_gradients_and_tensors(lenet64):
    torch = pytest.importorskip("torch")
    net, x = lenet64
    tensor = torch.from_numpy(x).requires_grad_()
    target = torch.tensor([3, 5])
    relevance, delta = pw.attr.LRP(net).attribute(tensor, target, return_convergence_delta=True)
    assert isinstance(relevance, torch.Tensor) and relevance.shape == tensor.shape and delta.shape == (2,)
    np.testing.assert_array_equal(relevance.numpy(), net.explain(x, [3, 5]).relevance)
    model = pw.quantus.as_torch(net)
    np.testing.assert_array_equal(model(tensor).numpy(), net(x))


def metrics(quantus):
    """Quantus's metrics, with few steps."""
    quiet = {"disable_warnings": True, "display_progressbar": False, "return_aggregate": False}
    black = {"perturb_baseline": "black"}
    return {
        "PixelFlipping": quantus.PixelFlipping(features_in_step=64, **black, **quiet),
        "RegionPerturbation": quantus.RegionPerturbation(patch_size=8, regions_evaluation=5, **black, **quiet),
        "Sparseness": quantus.Sparseness(**quiet),
        "Complexity": quantus.Complexity(**quiet),
        "MaxSensitivity": quantus.MaxSensitivity(nr_samples=3, **quiet),
        "LocalLipschitzEstimate": quantus.LocalLipschitzEstimate(nr_samples=3, **quiet),
        "Selectivity": quantus.Selectivity(patch_size=8, **black, **quiet),
        "FaithfulnessCorrelation": quantus.FaithfulnessCorrelation(nr_runs=5, subset_size=64, **black, **quiet),
    }


NAMES = [
    "PixelFlipping",
    "RegionPerturbation",
    "Sparseness",
    "Complexity",
    "MaxSensitivity",
    "LocalLipschitzEstimate",
    "Selectivity",
    "FaithfulnessCorrelation",
]


def scores(name, model, x, y, a_batch=None, explain_func=None, **kwargs):
    """What a metric of Quantus says, with the seed that it draws from."""
    quantus = pytest.importorskip("quantus")
    torch = pytest.importorskip("torch")
    np.random.seed(7)
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = metrics(quantus)[name](
            model=model,
            x_batch=x,
            y_batch=y,
            a_batch=a_batch,
            explain_func=explain_func,
            explain_func_kwargs=kwargs,
        )
    # Selectivity has a curve for each sample.
    rows = [found[key] for key in sorted(found)] if isinstance(found, dict) else found
    return np.array([np.ravel(row) for row in rows], dtype=float)


@pytest.mark.parametrize("name", NAMES)
def test_quantus_says_the_same_of_the_same_map_by_either_way(name, lenet):
    pytest.importorskip("torch")
    net, x = lenet
    y, model = np.array([7, 4]), pw.quantus.as_torch(net)
    ours = net.explain(x, y, "epsilon-plus").relevance
    given = scores(name, model, x, y, a_batch=ours, explain_func=pw.quantus.explain_func, composite="epsilon-plus")
    asked = scores(name, model, x, y, explain_func=pw.quantus.explain_func, composite="epsilon-plus")
    np.testing.assert_array_equal(given, asked)
    assert np.isfinite(asked).all()
