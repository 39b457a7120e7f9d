"""Refit a signature with new sessions.

The earlier signature is not overwritten: the new one is written to a new folder and names its
predecessor.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from painprint.apps.decode import run_participant
from painprint.apps.study import Study
from painprint.bids.runs import files_of
from painprint.bold.extract import NAME as MADE_HERE
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.progress import Progress
from painprint.results.group import settings_used
from painprint.results.predecessor import read_predecessor
from painprint.results.read import Results, find_results, read_results
from painprint.runs import RunKey
from painprint.signature.file import read_signature

log = logging.getLogger("painprint")


def check_earlier(earlier: Path, bids_dir: Path) -> None:
    """Check that there is an earlier study, given before the raw dataset.

    Raises
    ------
    DerivativesError
        If no participant was decoded into the folder.
    """
    if not find_results(earlier):
        if find_results(bids_dir):
            raise DerivativesError(
                f"the earlier study is in {bids_dir}, and not in {earlier}. Give first the earlier "
                "study, then the raw dataset: EARLIER BIDS_DIR OUT_DIR."
            )
        raise DerivativesError(
            f"there is no earlier study in EARLIER {earlier}. Pass the output folder of "
            "`painprint run`."
        )


def learn_on(
    study: Study, earlier: Path, participant: str, *, progress: Progress | None = None
) -> None:
    """Decode a participant again with new sessions; equals a study of all sessions from scratch.

    Bins are computed again from the regional time series of the earlier study, which must be
    unchanged.

    Parameters
    ----------
    study : Study
        Study of all sessions with a new output folder; its settings are replaced by those of the
        earlier study.
    earlier : Path
        Output folder of the earlier study.

    Raises
    ------
    DerivativesError
        If there is no earlier study, one of its inputs was changed, no session is new, or the new
        folder contains a decoding of the participant.
    """
    before = _results_of(earlier, participant)
    folder = before.files.decoding("signature", "")
    own = read_signature(folder).participant
    if own and own != participant:
        raise DerivativesError(
            f"the signature in the results of sub-{participant} is that of sub-{own}. Decode "
            f"sub-{participant} again.",
            folder,
        )
    if before.provenance.get("prior"):
        raise DerivativesError(
            f"sub-{participant} was decoded with a prior (--prior), which is not in its results. "
            "Decode all sessions with `painprint run ... --prior` again."
        )
    predecessor = read_predecessor(folder, participant, used=_used(before))
    settings = replace(settings_used(before), session_label=())
    if before.audit.get("dense"):
        if not study.settings.atlas:
            raise DerivativesError(
                f"sub-{participant}: the earlier study read dense BOLD with the atlas image "
                f"{settings.atlas}. Pass its path: --atlas FOLDER/{settings.atlas}."
            )
        settings = replace(settings, atlas=study.settings.atlas)
    study = replace(study, settings=settings)
    inventory = study.find(participant)
    hashes = InputHashes()
    _check_unchanged(before, {file.uri: file.path for file in files_of(inventory)}, hashes)
    excluded = [RunKey(r["session"], r["task"], r["run"]) for r in before.audit["runs_left_out"]]
    new = [run.key for run in inventory.runs if run.key not in {*_used(before), *excluded}]
    if not new:
        raise DerivativesError(
            f"sub-{participant}: every run was in the earlier study; there is nothing to learn. "
            "Add the new sessions to BIDS_DIR and to the derivatives."
        )
    log.info("sub-%s: new runs: %s.", participant, ", ".join(map(str, new)))
    run_participant(study, participant, progress=progress, hashes=hashes, predecessor=predecessor)


def _used(results: Results) -> list[RunKey]:
    """The runs that were used in a decoding."""
    rows = results.runs[["session", "task", "run"]].fillna("")
    return [RunKey(*row) for row in rows.itertuples(index=False, name=None)]


def _results_of(out_dir: Path, participant: str) -> Results:
    """The results of a participant in an output folder."""
    finished = [files for files in find_results(out_dir) if files.participant == participant]
    if not finished:
        raise DerivativesError(
            f"sub-{participant} was not decoded into {out_dir}. Pass the output folder of "
            "`painprint run` first, then BIDS_DIR."
        )
    return read_results(finished[0])


def _check_unchanged(before: Results, paths: dict[str, Path], hashes: InputHashes) -> None:
    """Check that the inputs of the earlier study are unchanged, as an exact refit requires."""
    for uri, digest in before.provenance["inputs"].items():
        if uri.startswith(f"bids:{MADE_HERE}:"):  # made from other inputs
            continue
        path = paths.get(uri)
        if path is None or not path.exists():
            raise DerivativesError(
                f"{uri} of the earlier study no longer exists, so it cannot be refitted "
                "exactly. Restore it, with the same order of --derivatives."
            )
        if hashes.of(path) != digest:
            raise DerivativesError(
                "was changed since the earlier study, so it cannot be refitted exactly. Restore "
                "it, or decode from scratch.",
                path,
            )
