"""Register a study before its sessions are scored, and compare a study with its registration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from painprint.apps.arguments import Registering
from painprint.apps.folders import check_can_be_written
from painprint.apps.participant_inputs import ParticipantInputs
from painprint.apps.study import Study, log
from painprint.bids.runs import Inventory
from painprint.errors import DerivativesError
from painprint.files.inputs import InputHashes
from painprint.files.tables import read_json
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import hash_external, hash_priors, versions
from painprint.results.record import renew_part
from painprint.results.registration import (
    PART,
    PRIMARIES,
    Registration,
    compare_with_registration,
    read_registration,
    write_registration,
)
from painprint.store.files import content_key, hash_file
from painprint.wording import enumerate_names, plural

NOT_DECLARED = ("participant_label", "skip")
"""Settings of whom and what is shown beside; the stages that are skipped change no number."""


def find_registration(registering: Registering) -> Registration | None:
    """The registration of a study; None where there is none, or it is to be written.

    Raises
    ------
    DerivativesError
        If the file is no registration, or another primary number is given than was registered.
    """
    path = registering.register
    if path is None or not path.exists():
        return None
    registration = read_registration(path)
    default = Registering()
    for name in ("primary", "alpha"):
        given, registered = getattr(registering, name), registration.content[name]
        if given not in (getattr(default, name), registered):
            raise DerivativesError(
                f"registers {name} as {registered}, but --{name} {given} was given. Omit it: the "
                "primary number is the registered one.",
                path,
            )
    if not registration.is_intact:
        log.warning(
            "%s: was changed after it was written: its own hash does not fit its content. The "
            "page says so.",
            path,
        )
    return registration


def register_study(study: Study, participants: Sequence[str], registering: Registering) -> str:
    """Write the registration of a study; ratings are hashed, and nothing is computed from them.

    Returns
    -------
    text : str
        What was registered.

    Raises
    ------
    DerivativesError
        If the file cannot be written.
    """
    path = registering.register
    assert path is not None  # checked by the caller
    check_can_be_written(path.parent)
    hashes, found = InputHashes(), {}
    for participant in participants:
        try:
            found[participant] = hash_sessions(study.find(participant), hashes)
        except DerivativesError as error:
            log.warning("sub-%s: registered without any session: %s", participant, error)
            found[participant] = {}
    write_registration(
        path, declare(study, hashes), found,
        primary=registering.primary, alpha=registering.alpha,
    )  # fmt: skip
    counts = (f"sub-{name}: {plural(len(ones), 'session')}" for name, ones in found.items())
    return (
        f"Registered in {path} (SHA-256 {hash_file(path)}): {', '.join(counts)}.\n"
        f"Primary number: {PRIMARIES[registering.primary]}; alpha {registering.alpha:g}.\n"
        "Nothing was decoded. Deposit the file where it gets a date; the same command then decodes "
        "and names departures."
    )


def declare(study: Study, hashes: InputHashes) -> dict[str, Any]:
    """What the numbers of a study depend on beside its data, part by part."""
    settings = asdict(study.settings)
    atlas = study.settings.atlas
    is_image = atlas is not None and Path(atlas).is_file()
    priors = hash_priors(study.signatures.prior, hashes)
    external = hash_external(study.signatures.external, hashes)
    return {
        "settings": {
            **{name: value for name, value in settings.items() if name not in NOT_DECLARED},
            "atlas": Path(atlas).name if atlas else None,
        },
        "rules": asdict(study.settings.rules),
        "atlas": {"image": hashes.whole(Path(atlas))} if atlas and is_image else {},
        "prior": {row["name"]: row["sha256"] for row in priors},
        "external": {str(row["name"]): row["sha256"] for row in external},
        "filter": {"bids_filter": study.bids_filter.queries} if study.bids_filter.queries else {},
        "versions": versions(),
    }


def hash_sessions(inventory: Inventory, hashes: InputHashes) -> dict[str, str]:
    """Hash of the inputs of the rated runs of each session, in the order of time."""
    files: dict[str, dict[str, str]] = {}
    for run in inventory.runs:
        of_session = files.setdefault(run.key.session, {})
        for file in (*run.data_files, *run.rating):
            of_session[file.path.name] = hashes.of(file.path)
    return {session or "n/a": content_key(named) for session, named in files.items()}


def record_registration(study: Study, inputs: ParticipantInputs, files: ParticipantFiles) -> None:
    """Put what departed from the registration of a study into a participant's record."""
    if study.registration is None:
        return
    hashes = inputs.reader.hashes
    comparison = compare_with_registration(
        study.registration,
        declare(study, hashes),
        inputs.inventory.participant,
        hash_sessions(inputs.inventory, hashes),
        read_json(files.decoding("metrics", ".json")),
    )
    renew_part(files.decoding("provenance", ".json"), PART, comparison)
    name, departures = f"sub-{files.participant}", comparison["departures"]
    new = comparison["sessions"]["new"]
    came = enumerate_names(new) if new else "none"
    log.info("%s: sessions that came after the registration: %s.", name, came)
    for line in departures:
        log.warning("%s: departs from the registration: %s.", name, line)
    for kind in ("changed", "missing"):
        if sessions := comparison["sessions"][kind]:
            log.warning(
                "%s: sessions %s since the registration: %s.", name, kind, enumerate_names(sessions)
            )
