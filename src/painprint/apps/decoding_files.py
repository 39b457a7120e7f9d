"""What completes written results of a participant: their record, registration, page."""

from __future__ import annotations

from painprint.apps.pages import write_page, write_page_unless_made
from painprint.apps.participant_inputs import ParticipantInputs
from painprint.apps.registration import record_registration
from painprint.apps.study import Study, log
from painprint.bids.described import describe_study
from painprint.evidence.stages import STAGES
from painprint.files.tables import read_json, read_table
from painprint.results.conclusion import conclude
from painprint.results.files import ParticipantFiles
from painprint.results.record import DESCRIPTION as OF_STUDY
from painprint.results.record import renew_part
from painprint.results.steps import remove
from painprint.signature.file import DESCRIPTION


def finish(study: Study, inputs: ParticipantInputs, files: ParticipantFiles) -> None:
    """Complete the record of written results, remove cached steps, and write the page."""
    used = set(read_table(files.decoding("runs", ".tsv"))["session"].astype(str))
    description = describe_study(
        study.raw, study.datasets, inputs.inventory, study.settings, inputs.reader.hashes, used
    )
    if renew_part(files.decoding("provenance", ".json"), OF_STUDY, description):
        for reason in description["unread"]:
            log.warning("sub-%s: not read for the report: %s", files.participant, reason)
    record_registration(study, inputs, files)
    remove([files.training(), *(files.stage(name) for name in STAGES)])
    write_page_unless_made(files, files.decoding("provenance", ".json"), write_page)


def tell_signature(files: ParticipantFiles) -> None:
    """Say where the signature is and, if it was shown to be of use, how new runs are predicted."""
    folder = files.decoding("signature", "")
    conclusion = conclude(read_json(files.decoding("metrics", ".json")))
    is_of_use = conclusion.is_shown or conclusion.tells_level
    is_dense = read_json(folder / DESCRIPTION)["origin"]["dense"] is not None
    with_atlas = " --atlas ATLAS" if is_dense else ""
    command = ""
    if is_of_use:
        command = f"; to predict new runs: painprint predict {folder} RUN...{with_atlas}"
    log.info("sub-%s: signature: %s%s", files.participant, folder, command)
