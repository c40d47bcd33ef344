"""Composites, rules, methods, measures, preprocessing, Bag of Words."""

import pickle

import numpy as np
import pytest
from conftest import ROOT

import pixelwise as pw

TOML = """name = "mine"
[[rule]]
where = "first"
rule = "flat"
[[rule]]
where = "convolution"
rule = "gamma=0.25"
[[rule]]
where = "linear"
rule = "epsilon=0.01"
"""


def test_a_composite_in_any_words_is_the_same(lenet, tmp_path):
    net, x = lenet
    (tmp_path / "mine.toml").write_text(TOML)
    choices = {"first": pw.rules.Flat(), "convolution": pw.rules.Gamma(0.25), "linear": "epsilon=0.01"}
    file = {"name": "mine", "rule": [{"where": where, "rule": rule} for where, rule in choices.items()]}
    step_by_step = pw.Composite.from_dict({"name": "mine"})
    for where, rule in choices.items():
        step_by_step = step_by_step.with_rule(where, rule)
    composites = [pw.Composite.toml(TOML), pw.Composite.toml(str(tmp_path / "mine.toml")), str(tmp_path / "mine.toml")]
    composites += [pw.Composite.from_dict(choices), pw.Composite.from_dict(file), step_by_step]
    composites += [pickle.loads(pickle.dumps(step_by_step))]
    maps = [net.explain(x, composite=composite).relevance for composite in composites]
    assert all((other == maps[0]).all() for other in maps)
    assert composites[0].rules == [("first", "flat"), ("convolution", "gamma=0.25"), ("linear", "epsilon=0.01")]
    assert pw.Composite.toml(composites[0].to_toml()).name == "mine"
    for wrong in ({"name": "x", "starts": "two"}, {"first": 3}, {"nowhere nor there": []}, {"rule": [{"where": "first"}]}):
        with pytest.raises(pw.SettingError):
            pw.Composite.from_dict(wrong)


def test_every_name_that_rust_knows_explains(lenet):
    net, x = lenet
    for name, about in pw.Composite.names():
        composite = pw.Composite.named(name)
        assert about and composite.name == name
        if "box" in name:
            composite = composite.with_input_range(np.full((1, 1, 1), x.min()), float(x.max()))
            composite = pickle.loads(pickle.dumps(composite))
        if not name.startswith("figure-25"):
            assert net.explain(x, composite=composite).by == name


def test_rules_and_methods_are_their_texts(lenet):
    net, x = lenet
    made = {str(getattr(pw.rules, name)()).split("=")[0] for name in pw.rules.__all__ if name not in ("Rule", "names")}
    assert made <= set(pw.rules.names()) and len(made) == len(pw.rules.__all__) - 2
    for rule in (pw.rules.Gamma(0.25), "gamma=0.25", pickle.loads(pickle.dumps(pw.rules.Gamma(0.25)))):
        np.testing.assert_array_equal(
            net.explain(x, composite=rule).relevance,
            net.explain(x, composite=pw.Composite.uniform("gamma=0.25")).relevance,
        )
    steps = net.explain(x, composite=pw.methods.IntegratedGradients(steps=20))
    np.testing.assert_array_equal(net.explain(x, composite="integrated-gradients=20").relevance, steps.relevance)
    whole = pw.methods.IntegratedGradients(steps=20, baseline=np.full((1, 32, 32), 0.5))
    assert not (net.explain(x, composite=whole).relevance == steps.relevance).all()
    roots = pw.methods.Taylor(x, of="margin")  # each sample is one of another class for the other
    assert np.isfinite(net.explain(x, composite=roots).relevance).all()
    for wrong in (lambda: pw.rules.Gamma(float("nan")), lambda: pw.methods.IntegratedGradients(0), lambda: pw.rules.Rule("x")):
        with pytest.raises(pw.SettingError):
            wrong()


def test_measures(lenet):
    net, x = lenet
    a = net.explain(x, composite="epsilon-plus")
    settings = {"pixel-flipping": {"features_in_step": 64}, "max-sensitivity": {"nr_samples": 3}}
    settings |= {"local-lipschitz-estimate": {"nr_samples": 3}, "insertion": {}, "deletion": {}}
    masks = np.zeros((2, 32, 32), bool)
    masks[:, 8:24, 8:24] = True
    for name in pw.measures.__all__:
        if name in ("Measure", "Scores", "names"):
            continue
        measure = getattr(pw.measures, name)()
        text = str(measure)
        assert text in pw.measures.names() and measure.question.endswith("?")
        measure = getattr(pw.measures, name)(**settings.get(text, {}))
        scores = measure(net, x, a, masks)
        assert len(scores) == 2 and np.isfinite(scores.values).any() and name, name
        assert scores.mean == pytest.approx(np.nanmean(scores.values)) == float(scores)
    flipping = pw.measures.PixelFlipping(features_in_step=64, order="lowest")
    assert flipping.settings["features-in-step"] == "64" and flipping.better == "higher"
    [(shares, values), _] = flipping(net, x, a).curves
    assert shares[0] == 0 and shares[-1] == 1 and values[0] == pytest.approx(a.target_scores[0])
    with pytest.raises(pw.SettingError):
        pw.measures.PixelFlipping(no_such=1)
    with pytest.raises(pw.InputError):
        pw.measures.PointingGame()(net, x, a)
    with pytest.raises(pw.ShapeError):
        flipping(net, x[:1], a)


def test_photos_become_what_networks_take(tmp_path):
    preprocess = pw.Preprocess("imagenet-torch")
    photo = np.random.default_rng(2).integers(0, 256, (300, 400, 3), np.uint8)
    prepared = preprocess(photo)
    assert prepared.shape == (1, 3, 224, 224) and prepared.dtype == np.float32
    assert preprocess([photo, photo]).shape == preprocess(np.stack([photo, photo])).shape == (2, 3, 224, 224)
    assert preprocess.shown(photo).shape == (1, 224, 224, 3)
    low, high = preprocess.range
    assert low.shape == (3, 1, 1) and (low <= prepared.min((0, 2, 3))[:, None, None]).all() and (low < high).all()
    assert pw.Preprocess("imagenet-torch", size=(96, 96), layout="NHWC")(photo).shape == (1, 96, 96, 3)
    (tmp_path / "photo.ppm").write_bytes(b"P6 400 300 255\n" + photo.tobytes())
    for file in (tmp_path / "photo.ppm", str(tmp_path / "photo.ppm")):
        np.testing.assert_array_equal(preprocess(file), prepared)
    image = pytest.importorskip("PIL.Image")
    np.testing.assert_array_equal(preprocess(image.fromarray(photo)), prepared)
    for wrong, error in (("no.jpg", pw.FileError), (photo.astype(np.float32), pw.DtypeError), ([], pw.ShapeError)):
        with pytest.raises(error):
            preprocess(wrong)
    with pytest.raises(pw.SettingError, match="imagenet-tf"):
        pw.Preprocess("imagenet")


@pytest.fixture(scope="module")
def tiles():
    scenes = [pw.bow.PolygonsAndCircles(seed=1)[index] for index in range(24)]
    shown = [scene.has_polygon for scene in scenes]
    return pw.bow.train([scene.image for scene in scenes], shown, words=16), scenes


def test_a_classifier_of_tiles(tiles):
    net, scenes = tiles
    assert net.kind == "tiles" and "SIFT" in repr(net)
    images = np.stack([pw.bow.image(scene.image) for scene in scenes[:3]])
    a = net.explain(images)
    assert a.relevance.shape == (3, 102, 102) and a.by == "Algorithm 1"
    a.check(1e-10)
    np.testing.assert_allclose(net(images)[:, 0], a.target_scores, rtol=1e-10)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.explain(list(images)).relevance, a.relevance)
    sizes = net.explain([images[0], pw.bow.image(pw.bow.PolygonsAndCircles(size=(120, 150))[0].image)])
    assert [map.shape for map in sizes.relevance] == [(102, 102), (120, 150)] and len(sizes.heatmap()) == 2
    scores = pw.measures.RelevanceMassAccuracy()(net, images, a, np.stack([s.polygon_mask for s in scenes[:3]]))
    assert len(scores) == 3
    for arguments in ({"composite": "epsilon-plus"}, {"target": 1}, {"at": ["x"]}):
        with pytest.raises(pw.SettingError):
            net.explain(images, **arguments)
    with pytest.raises(pw.DtypeError, match="float64"):
        net.explain(images.astype(np.float32))


def test_a_classifier_of_photographs(tmp_path):
    scenes = [pw.bow.PolygonsAndCircles(seed=3)[index] for index in range(10)]
    paths = []
    for index, scene in enumerate(scenes):
        height, width, _ = scene.image.shape
        paths.append(tmp_path / f"{index}.ppm")
        paths[-1].write_bytes(b"P6 %d %d 255\n" % (width, height) + scene.image.tobytes())
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    configuration = ROOT / "tests/python/photos.toml"
    shown = {"polygon": [scene.has_polygon for scene in scenes] + [True]}
    with pytest.warns(UserWarning, match="broken.png"):
        net = pw.bow.train([*paths, tmp_path / "broken.png"], shown, configuration=configuration, output=tmp_path / "all.model")
    assert net.kind == "photos" and net.labels == ["polygon"] and "polygon" in repr(net)
    a = net.explain(pw.bow.image(paths[0]), "polygon")
    assert a.relevance.shape == (1, 102, 102) and a[0].label == "polygon"
    a.check(1e-10)
