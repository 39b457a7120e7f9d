"""Cut the compact golden numbers from the full set.

    python tests/data/cut_golden.py GOLDEN_FOLDER

Keeps what lets parity be tested anywhere: bin-level arrays, one run of signals and rating
with the frames and bins expected of it, and the model's and the evaluation's outputs.
"""

import json
import sys
from pathlib import Path

import numpy as np

KEEP = """
s1_ntr s1_rating_rbin10 s1_X_rbin10 s1_X_tbin10 s1_rating_tbin10
m_L_matlab m_PCs m_ocv_r m_icv_r m_ocv_bestidx_1based m_icv_bestidx_1based m_Yfit_ocv_best
m_beta_best_edge_all m_beta_best_edge_ocv test_Yfit_tbin10
vis_x1 vis_x2 vis_x3 vis_x4 vis_y1 vis_y2 vis_y3 vis_y4
vis_rall_r vis_R2 vis_MAE vis_rocall_auc vis_rall_bootci vis_rall_bootp vis_rocall_bootci
vis_rocall_bootp vis_rrun_r vis_rrun_mr vis_rrun_mbootci vis_rrun_mbootp vis_rses_r vis_rses_mr
vis_rses_mbootci vis_rses_mbootp vis_boot_idx1_first100_1based
disc_n disc_edges2 disc_edges5 disc_edges10
""".split()


def main(golden: Path) -> None:
    full = np.load(golden / "golden.npz")
    kept = {name: full[name] for name in KEEP}
    for name in ("s1_rating_dat", "s1_rbin_idx", "s1_tbin_idx", "fd"):
        kept[f"run1_{name}"] = full[name][0, 0]
    stem = "sub-01/ses-01/func/sub-01_ses-01_task-rating_run-1"
    derivative = golden / "bids/derivatives/xcp_d" / stem
    series = f"{derivative}_space-fsLR_atlas-Golden_stat-mean_timeseries"
    kept["run1_signals"] = np.loadtxt(f"{series}.tsv", skiprows=1)
    kept["run1_censored"] = np.loadtxt(f"{derivative}_outliers.tsv", skiprows=1) > 0
    kept["run1_motion"] = np.loadtxt(f"{derivative}_motion.tsv", skiprows=1)
    kept["run1_recording"] = np.loadtxt(golden / "bids" / f"{stem}_resp.tsv")
    sidecar = json.loads(Path(f"{series}.json").read_text())
    kept["run1_tr_s"], kept["run1_start_s"] = sidecar["RepetitionTime"], sidecar["StartTime"]
    atlas = golden / "bids/derivatives/xcp_d/atlases/atlas-Golden/atlas-Golden_dseg.tsv"
    networks = np.loadtxt(atlas, dtype=str, skiprows=1, usecols=2)
    kept["is_visual"] = networks == "VIS"
    np.savez_compressed(Path(__file__).parent / "golden_compact.npz", **kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
