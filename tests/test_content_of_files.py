"""Files that can be read, but whose content cannot be what it should be."""

import json

import numpy as np
import pytest
from nibabel.cifti2 import BrainModelAxis
from safetensors.numpy import save

from painprint.atlas.geometry import template_meshes
from painprint.bold.carpets import read_carpet
from painprint.cortex.sphere import make_sphere
from painprint.errors import DerivativesError
from painprint.evidence.weights_file import read_weights
from painprint.files.gifti import read_surface, write_surface
from painprint.files.images import STRUCTURES, Grayordinates
from painprint.files.labels import read_codes
from painprint.files.maps import write_maps
from painprint.results.predecessor import Predecessor
from painprint.results.steps import load_arrays, load_stage_result, load_training, save_arrays
from painprint.signature.lineage import read_lineage
from painprint.store.files import content_key

BALL, FACES = make_sphere(8)
N = len(BALL)
BRAIN = BALL * [30, 60, 45]


def written(path, vertices=BRAIN, faces=FACES):
    write_surface(path / "x.surf.gii", vertices, faces, "L")
    return path / "x.surf.gii"


def changed(array, at, value):
    copy = array.copy()
    copy[at] = value
    return copy


def permuted(share):
    rng = np.random.default_rng(0)
    faces = FACES.copy()
    some = rng.choice(len(faces), int(share * len(faces)), replace=False)
    faces[some] = [rng.choice(N, 3, replace=False) for _ in some]
    return faces


@pytest.mark.parametrize(
    ("vertices", "faces", "said"),
    [
        (BRAIN * 0, FACES, "extends over 0 x 0 x 0 mm; the longest side of a hemisphere has 50 to"),
        (BRAIN * 1e30, FACES, "extends over 6e\\+31 x 1.2e\\+32 x 9e"),
        (BRAIN / 1000, FACES, "extends over 0.0"),
        (BRAIN * [1, 1, 0], FACES, "x 0 mm; .* and the shortest at least 10."),
        (changed(BRAIN, (3, 1), np.nan), FACES, "1 vertices have no finite coordinates .first: 3"),
        (changed(BRAIN, (4, 1), np.inf), FACES, "1 vertices have no finite coordinates .first: 4"),
        (BRAIN, FACES[:0], "has no faces."),
        (BRAIN, changed(FACES, (2, 0), -1), "do not exist .first: -1; there are 0 to 641"),
        (BRAIN, changed(FACES, (2, 0), N), "do not exist .first: 642; there are 0 to 641"),
        (BRAIN, changed(FACES, 7, 5), "has 1 faces with a vertex twice .first: face 7"),
        (BRAIN, permuted(1), "% edges longer than 47.* mm, so its faces do not join neighbours"),
        (BRAIN, permuted(0.05), "has [2-5]% edges longer"),
        (np.random.default_rng(0).permutation(BRAIN), FACES, "so its faces do not join neighbours"),
        (BRAIN, FACES[:600], "% of its vertices in its largest piece"),
        (BRAIN, np.concatenate([FACES, FACES]), "has 100% edges of more than two faces"),
        (changed(BRAIN, slice(2, 600), BRAIN[0]), FACES, "faces without an area"),
    ],
)
def test_surfaces_that_are_no_cortex(tmp_path, vertices, faces, said):
    path = written(tmp_path, vertices, faces)
    with np.errstate(all="raise"), pytest.raises(DerivativesError, match=said) as error:
        read_surface(path)
    assert str(error.value).startswith("x.surf.gii: ") and "copy the surface again" in str(error)


def test_cortex_of_templates_and_newborns_is_read(tmp_path):
    meshes = [(v, f) for f, shapes in template_meshes().values() for v in shapes.values()]
    meshes += [(v * 0.45, f) for v, f in meshes]
    for divisions in (1, 2, 4, 8):
        vertices, faces = make_sphere(divisions)
        meshes.append((vertices * [40, 80, 60], faces))
    for vertices, faces in meshes:
        read, triangles = read_surface(written(tmp_path, vertices, faces))
        np.testing.assert_allclose(read, vertices, rtol=1e-6, atol=1e-4)  # float32
        np.testing.assert_array_equal(triangles, faces)


def a_map(path, values):
    mask = np.ones(len(values), bool)
    axis = BrainModelAxis.from_mask(mask, name=STRUCTURES["L"])
    write_maps(path, Grayordinates(axis), {"a": np.asarray(values, float)})
    return path


def test_values_below_0_and_between_integers_are_named(tmp_path):
    path = tmp_path / "a.dscalar.nii"
    with pytest.raises(DerivativesError, match="has no labels: its values lie between -3 and -3"):
        read_codes(a_map(path, [-3] * 10))
    with pytest.raises(
        DerivativesError, match="contains 2 values that are not integers .first: 0."
    ):
        read_codes(a_map(path, [1, 0.5, 2, 1.5]))
    some = read_codes(a_map(path, [-3, -1, 0, 2]))
    assert some.labels.tolist() == [0, 0, 0, 2]
    assert some.notes == (
        "a.dscalar.nii: has 2 values below 0, which are no labels: they count as 0 (none).",
    )
    assert read_codes(a_map(path, [0, 1])).notes == ()


def test_external_weights_that_are_all_0(tmp_path):
    path = tmp_path / "w.tsv"
    for text in ("region\tweight\na\t0\nb\t0\n", "region_a\tregion_b\tweight\na\tb\t0\n"):
        path.write_text(text)
        with pytest.raises(DerivativesError, match=r"w.tsv: all of its \d weights are 0"):
            read_weights(path)
    path.write_text("region\tweight\na\t1\nb\t1\n")
    assert read_weights(path).values.tolist() == [1, 1]


def with_header(header):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def sealed(arrays, about, tmp_path):
    """A cache as it is written, of other content."""
    save_arrays(tmp_path / "sealed", arrays, about, "key")
    return (tmp_path / "sealed").read_bytes()


@pytest.mark.parametrize("about", [{}, [], {"models": [{}]}, {"models": 3}, {"models": [[]]}])
def test_caches_of_another_form_are_no_caches(tmp_path, about):
    path = tmp_path / "x_training.safetensors"
    good = {"a": np.zeros(3)}
    contents = [with_header(h) for h in ([], {}, 3, None, {"__metadata__": []})]
    wrong = {"key": "key", "sha256": "", "about": "1"}
    contents += [save(good, {"kept": json.dumps(k)}) for k in ([], {"key": "key"}, wrong, 1)]
    contents += [save(good, wrong), save(good, {"kept": "{"})]
    contents += [b"", b"\xff" * 8, sealed(good, about, tmp_path)]
    for content in contents:
        path.write_bytes(content)
        assert load_training(path, "key") is None
        with_missing = load_arrays(path, "key", lambda arrays, about: arrays["b"])
        assert with_missing is None


def test_a_cache_has_the_same_bytes_each_time(tmp_path):
    arrays, about = {"b": np.arange(4.0), "a": np.zeros((2, 3))}, {"n": 1, "m": [2, 3]}
    assert len({sealed(arrays, about, tmp_path) for _ in range(20)}) == 1


def test_caches_with_other_types_or_values_are_no_caches(tmp_path):
    path = tmp_path / "x.safetensors"
    arrays = {"a": np.arange(4.0)}
    save_arrays(path, arrays, {"n": 1}, "key")
    read, about = load_arrays(path, "key", lambda *both: both)
    assert read["a"].tolist() == [0, 1, 2, 3] and about == {"n": 1}
    content = path.read_bytes()
    for old, new in ((b'"F64"', b'"I64"'), (b"[4]", b"[4]"), (b'\\"n\\": 1', b'\\"n\\": 2')):
        assert old in content
        path.write_bytes(content.replace(old, new))
        found = load_arrays(path, "key", lambda *both: both)
        assert (found is None) == (old != new)


@pytest.mark.parametrize(
    "result", [[], {}, {"tables": []}, {"tables": {"a": {"b": 1}}, "numbers": {}, "not_done": []}]
)
def test_results_of_stages_of_another_form(tmp_path, result):
    path = tmp_path / "x.json"
    content = {"key": "key", "sha256": content_key(result), "result": result}
    for one in (content, [], 3, {"key": "key"}):
        path.write_text(json.dumps(one))
        assert load_stage_result(path, "key") is None


@pytest.mark.parametrize("header", [[], 3, {"before": []}, {"before": {"dtype": "F9"}}])
def test_carpets_of_another_form_are_refused(tmp_path, header):
    path = tmp_path / "x.safetensors"
    path.write_bytes(with_header(header))
    with pytest.raises(DerivativesError, match="is not a carpet plot"):
        read_carpet(path)
    path.write_bytes(save({"before": np.zeros((2, 2)), "after": np.zeros((2, 2))}))
    with pytest.raises(DerivativesError, match="is not a carpet plot"):
        read_carpet(path)


def test_sessions_of_recalibrations_are_the_persons_own():
    rows = ({"sessions": ["07", ""]}, {"sessions": ["08"], "other_person": True}, {"added": []})
    assert Predecessor("01", "0" * 64, rows).recalibrated_on == {"07"}
    row = {"sha256": "0" * 64, "participant": "01", "sessions": "07"}
    with pytest.raises(ValueError, match="sessions is no list of labels"):
        read_lineage({"earlier": [row]}, signature_sha256="", participant="01")
