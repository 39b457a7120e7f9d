"""
A signature in nilearn
======================

The weights of a signature are one number for each pair of regions, and the tables of results have
one row for each region. With the coordinates of the regions, nilearn's plotting functions draw
them. The person here is **simulated**; the regions have coordinates, but no anatomy.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from nilearn import plotting
from nilearn.datasets import load_fsaverage
from nilearn.surface import SurfaceImage

from painprint import edges_to_matrix
from painprint.atlas.geometry import read_brain
from painprint.cli import main
from painprint.results.read import find_results, read_results
from painprint.signature.file import read_signature

# %%
# A signature
# -----------
# With a study of your own, start at ``find_results``.

folder = TemporaryDirectory()
people, results_dir = Path(folder.name, "people"), Path(folder.name, "results")
main(["simulate", str(people), "--sessions", "8", "--n-regions", "40"])
main(
    ["run", str(people), str(results_dir), "participant", "--task-id", "rating"]
    + ["--n-bootstraps", "1000", "--n-importance-permutations", "100"]
    + ["--skip", "null", "confounds", "sensitivity", "curve", "prospective", "rest"]
    + ["baselines", "univariate", "qcfc"]
)
(files,) = find_results(results_dir)
results = read_results(files)
signature = read_signature(next(results_dir.glob("sub-01/decoding/*_signature")))

# %%
# The first row of ``weights`` is the final model, trained on all sessions; the others are the
# folds. ``edges_to_matrix`` makes a symmetric matrix of regions of it.

weights = edges_to_matrix(signature.weights[0])
names = list(signature.regions.names)
print(f"{len(names)} regions, {signature.weights.shape[1]} edges, {len(signature.models)} models")

# %%
# The matrix
# ----------
# Regions are in the order of the atlas. A weight shows how the model uses an edge, not whether the
# edge varies with pain (:doc:`/interpreting`).

limit = np.abs(weights).max()
figure, ax = plt.subplots(figsize=(8, 6.5), layout="constrained")
plotting.plot_matrix(
    weights, labels=names, colorbar=True, cmap="PRGn_r", vmin=-limit, vmax=limit, axes=ax
)
figure.suptitle("edge weights (simulated person)")

# %%
# The connectome
# --------------
# Coordinates (mm) of the regions are in ``*_dseg.tsv`` with the results. Structure coefficients,
# the correlations of edges with the prediction, are more suitable for a map than weights. Here are
# the two percent of edges with the largest coefficients.

regions = pd.read_csv(files.decoding("dseg", ".tsv"), sep="\t").set_index("label")
coordinates = regions.loc[names, ["x", "y", "z"]].to_numpy()
table = results.stage_tables["structure"]
structure = np.zeros((len(names), len(names)))
index = {name: number for number, name in enumerate(names)}
for edge in table.itertuples():
    i, j = index[edge.region_a], index[edge.region_b]
    structure[i, j] = structure[j, i] = edge.structure
plotting.plot_connectome(
    structure,
    coordinates,
    edge_threshold="98%",
    edge_cmap="PRGn_r",
    node_size=20,
    node_color="#1c2530",
    title="structure coefficients (simulated person)",
    colorbar=True,
)

# %%
# The surface
# -----------
# Importance of each region on fsaverage5, which comes with nilearn. ``read_brain`` says which
# region each vertex shows: from the atlas's image where there is one, here from the centres of the
# regions alone, which is a rough map.

brain = read_brain(files.decoding("dseg", ""), files.anat, files.participant)
print(brain.description)
importance = results.stage_tables["importance"].set_index("region")["importance_centred"]
values = importance.reindex(brain.regions.names).to_numpy()
data = {
    hemisphere: np.where(mesh.region >= 0, values[mesh.region], np.nan)
    for hemisphere, mesh in zip(("left", "right"), brain.meshes.values(), strict=True)
}
image = SurfaceImage(load_fsaverage("fsaverage5")["inflated"], data)
limit = np.nanmax(np.abs(values))
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3), subplot_kw={"projection": "3d"})
for hemisphere, ax in zip(data, axes, strict=True):
    plotting.plot_surf(
        surf_map=image,
        hemi=hemisphere,
        view="lateral",
        cmap="PRGn_r",
        vmin=-limit,
        vmax=limit,
        axes=ax,
    )
figure.suptitle("importance: loss of centred r (simulated person)")

# %%
# ``*_importance.pscalar.nii`` and ``*_weights.pconn.nii``, which are written where the atlas has an
# image in CIFTI, contain the same for Connectome Workbench.

folder.cleanup()
