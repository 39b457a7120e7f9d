"""
Figures for a paper
===================

The figures of the page are functions in :mod:`painprint.report.figures`. They take tables and
numbers from the results, compute nothing, and return matplotlib ``Axes``. So a figure can have
another size, other labels or further panels, and can be saved as SVG or PDF.

The person here is **simulated**; a figure of simulated data should say so.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

import matplotlib.pyplot as plt

from painprint.atlas.geometry import read_brain
from painprint.cli import main
from painprint.report import figures
from painprint.report.brain_views import BrainViews
from painprint.report.methods_text import methods_paragraph
from painprint.report.overlays import overlays
from painprint.results.read import find_results, read_results

# %%
# Results of a simulated person
# -----------------------------
# With a study of your own, start at ``find_results``.

folder = TemporaryDirectory()
people, results_dir = Path(folder.name, "people"), Path(folder.name, "results")
main(["simulate", str(people), "--sessions", "8", "--n-regions", "30"])
main(
    ["run", str(people), str(results_dir), "participant", "--task-id", "rating"]
    + ["--n-permutations", "199", "--n-bootstraps", "1000", "--n-curve-draws", "3"]
    + ["--n-importance-permutations", "100"]
    + [
        "--skip",
        "confounds",
        "sensitivity",
        "prospective",
        "rest",
        "baselines",
        "univariate",
        "qcfc",
    ]
)

# %%
# ``find_results`` lists the finished decodings below a folder, ``read_results`` reads one. A file
# that is missing, or was changed after it was written, is an error that names it.

for files in find_results(results_dir):
    results = read_results(files)
    print(files.stem, "simulated:", results.metrics["simulated"])

# %%
# One column wide
# ---------------
# Journals set figures to the width of one or two columns: ``SINGLE`` and ``DOUBLE``, in inches.
# Make the figure in its final width, so that letters keep their size. ``STYLE`` contains the
# settings of the page, with text that stays text in SVG; ``pdf.fonttype`` 42 does the same for PDF.

plt.rcParams.update(figures.STYLE)
plt.rcParams["pdf.fonttype"] = 42

metrics = results.metrics["scales"]
by_scale = dict(tuple(results.predictions.groupby("scale")))

figure, ax = plt.subplots(figsize=(figures.SINGLE, 2.6), layout="constrained")
figures.plot_observed_predicted(by_scale["session"], metrics["session"], ax=ax)
ax.set_xlabel("mean rating of the session (simulated)")

# %%
# Saved without the date, the same results give the same file.

figure.savefig(Path(folder.name, "sessions.svg"), metadata={"Date": None})
figure.savefig(Path(folder.name, "sessions.pdf"), metadata={"CreationDate": None})
print([path.name for path in sorted(Path(folder.name).glob("sessions.*"))])

# %%
# Several panels, two columns wide
# --------------------------------
# ``plot_overview`` puts functions side by side, with letters. The folder of figures has one such
# figure of every person, ``overview.svg``.

tested = by_scale["1min"]
null = results.stage_tables["null"]
figure = plt.figure(figsize=(figures.DOUBLE, 7.8), layout="constrained")
figures.plot_overview(
    partial(figures.plot_timeline, tested),
    [
        partial(figures.plot_observed_predicted, tested, metrics["1min"]),
        partial(figures.plot_calibration, tested, results.per_session, metrics["1min"]),
        partial(figures.plot_null, null, "within", "1min", "centred_r"),
        partial(figures.plot_learning_curve, results.stage_tables["learningcurve"]),
    ],
    figure=figure,
)
figure.savefig(Path(folder.name, "figure1.pdf"), metadata={"CreationDate": None})

# %%
# On the brain
# ------------
# The positions of the regions are kept with the results. Here, as for every simulated person, only
# their centres are known, so each vertex of a template's surface has the colour of the nearest
# region.

brain = read_brain(files.decoding("dseg", ""), files.anat, files.participant)
print(brain.description)
views = BrainViews(brain)
importance, *others = overlays(results, brain.regions)
print("there are also:", [overlay.title for overlay in others])
figure, ax = plt.subplots(figsize=(figures.DOUBLE, 2.1), layout="constrained")
figures.plot_views(views.cortex, importance, ax=ax)
figure.suptitle("simulated person", x=0.99, ha="right", color="grey", fontsize=8)

# %%
# Networks, and below them the regions with the greatest importance, with 95 % intervals.

networks = results.stage_tables["networkimportance"].sort_values(
    "importance_centred", ascending=False
)
regions = results.stage_tables["importance"].nlargest(10, "importance_centred")
figure, ax = plt.subplots(figsize=(figures.DOUBLE, 3.6), layout="constrained")
figures.plot_importance(
    networks,
    regions,
    "importance_centred",
    label="loss of centred r",
    ends=("centred_low", "centred_high"),
    ax=ax,
)
ax.set_title("simulated person", loc="right", color="grey")

# %%
# The Methods paragraph
# ---------------------
# The Methods paragraph of the page is made from the settings that were used.

print(fill(methods_paragraph(results).readable, 76))
folder.cleanup()
