"""Runs of a decoded participant, read again as they were decoded."""

from __future__ import annotations

from dataclasses import replace

from painprint.apps.study import Study
from painprint.bids.filter import BidsFilter
from painprint.bids.runs import files_of
from painprint.errors import DerivativesError
from painprint.files.dataset import atlas_name, parse_name
from painprint.results.files import ParticipantFiles
from painprint.results.group import settings_used
from painprint.results.read import read_results
from painprint.runs import Run


def read_decoded_runs(study: Study, files: ParticipantFiles) -> list[Run]:
    """Read the runs of a decoded participant again.

    Raises
    ------
    DerivativesError
        If a file was changed since the participant was decoded.
    """
    results = read_results(files)
    queries = results.provenance.get("bids_filter") or {}
    bids_filter = BidsFilter(
        {
            query: {entity: tuple(values) for entity, values in wanted.items()}
            for query, wanted in queries.items()
        }
    )
    study = replace(study, settings=settings_used(results), bids_filter=bids_filter)
    if results.audit.get("dense"):  # regional time series were written into the output folder
        label = atlas_name(parse_name(results.files.stem)[0])
        study = replace(
            study,
            derivatives=(study.out_dir,),
            settings=replace(study.settings, atlas=label),
            bids_filter=bids_filter.without("bold"),
        )
    inventory = study.find(results.files.participant)
    reader = study.reader(inventory)
    digests = results.provenance["inputs"]
    for file in files_of(inventory):
        if file.uri in digests and digests[file.uri] != reader.hashes.of(file.path):
            raise DerivativesError(
                f"was changed since sub-{inventory.participant} was decoded. Decode the "
                "participant again.",
                file.path,
            )
    runs = list(reader.runs())
    reader.hashes.check()
    return runs
