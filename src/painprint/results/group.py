"""Participants' results as input of the group level, and the results of that level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from painprint.bins import BinWords
from painprint.errors import DerivativesError
from painprint.evidence.member import Member
from painprint.evidence.stage import StageResult
from painprint.evidence.transfer import at_primary, shared_words
from painprint.files.dataset import atlas_name, parse_name
from painprint.files.tables import read_json
from painprint.results.all_columns import GROUP_COLUMNS, describe_columns
from painprint.results.earlier import Earlier
from painprint.results.files import ParticipantFiles
from painprint.results.provenance import versions
from painprint.results.read import Results, find_results, read_table
from painprint.results.record import (
    AGAIN,
    find_key,
    find_record,
    hash_files,
    read_record,
    state_of,
    write_record,
)
from painprint.runs import Run, RunKey
from painprint.settings import RENAMED, Settings
from painprint.signature.file import read_signature
from painprint.signature.model import PUBLISHED, Signature, final_model
from painprint.store.files import changed_files, content_key, write_json, write_table


@dataclass(frozen=True)
class GroupFiles:
    """Names of the output files of the group level."""

    out_dir: Path

    @property
    def page(self) -> Path:
        """The group's page."""
        return self.out_dir / "group.html"

    def table(self, suffix: str, extension: str = ".tsv") -> Path:
        """A file of the group level."""
        return self.out_dir / "group" / f"group_{suffix}{extension}"

    def of_person(self, person: str, suffix: str) -> Path:
        """What was computed of one person, such as "sub-01", kept for a later group level."""
        return self.out_dir / "group" / "people" / f"{person}_{suffix}"

    def figure(self, name: str, extension: str = ".svg") -> Path:
        """A figure."""
        return self.out_dir / "group" / "figures" / f"group_{name}{extension}"

    def figures(self) -> list[Path]:
        """The figures that exist."""
        return sorted(self.figure("x").parent.glob("group_*.*"))


def settings_used(results: Results) -> Settings:
    """The settings a participant was decoded with. Results of versions without a choice of decoder
    have the published one.

    Raises
    ------
    DerivativesError
        If the participant was decoded from arrays, which cannot be read again.
    """
    if results.of_arrays:
        raise DerivativesError(
            f"sub-{results.files.participant} was decoded from arrays in Python, which cannot be "
            "read again. Decode its files with `painprint run` into another folder."
        )
    written = results.provenance["settings"]
    named = {RENAMED.get(name, name): row["value"] for name, row in written.items()}
    values = {**PUBLISHED, **named}
    as_given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
    }
    return Settings(**as_given)


def read_member(results: Results, load: Callable[[], Iterable[Run]]) -> Member:
    """A decoded participant as member of a group, from the output files.

    Parameters
    ----------
    load : callable
        Returns the rated runs.

    Raises
    ------
    DerivativesError
        If the signature cannot be used.
    """
    files, leave_out = results.files, results.metrics["leave_out"]
    groups = tuple(results.audit["groups"])
    rows = results.runs[["session", "task", "run", "group"]].fillna("")
    used = tuple(RunKey(s, t, r) for s, t, r in rows.iloc[:, :3].itertuples(index=False))
    group_of_run = {key: groups.index(name) for key, name in zip(used, rows["group"], strict=True)}
    atlas = atlas_name(parse_name(f"{files.stem}_metrics.json")[0])
    own = results.audit.get("own_atlas_of")
    return Member(
        name=f"sub-{files.participant}",
        atlas=f"{atlas} of sub-{own}" if own else atlas,  # everybody's own has the same label
        signature=final_model(_own_signature(files)),
        leave_out=leave_out,
        groups=groups,
        used=used,
        predictions=_with_codes(results.predictions, used, group_of_run, groups),
        load=load,
        folds=partial(_own_signature, files),
    )


def _own_signature(files: ParticipantFiles) -> Signature:
    """The signature in a participant's results, which must be the participant's."""
    path = files.decoding("signature", "")
    signature = read_signature(path)
    if signature.participant not in ("", files.participant):
        raise DerivativesError(
            f"is the signature of sub-{signature.participant}, but lies in the results of "
            f"sub-{files.participant}. Decode sub-{files.participant} again.",
            path,
        )
    return signature


def _with_codes(
    predictions: pd.DataFrame,
    used: Sequence[RunKey],
    group_of_run: Mapping[RunKey, int],
    groups: Sequence[str],
) -> pd.DataFrame:
    """Predictions with indices of group and run; for a session, those of its first run."""
    keys = predictions[["session", "task", "run"]].fillna("").itertuples(index=False)
    first = {
        g: used.index(next(k for k in used if group_of_run[k] == g)) for g in range(len(groups))
    }
    number = {key: i for i, key in enumerate(used)}
    levels = (predictions["scale"] == "session").to_numpy()
    position = levels.cumsum() - 1  # sessions stand in the order of the groups
    run_code = [
        first[int(position[i])] if levels[i] else number[RunKey(*key)] for i, key in enumerate(keys)
    ]
    return predictions.assign(run_code=run_code, group=[group_of_run[used[r]] for r in run_code])


@dataclass(frozen=True, eq=False)
class GroupResults:
    """The output files of the group level, as read for its page."""

    files: GroupFiles
    metrics: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]

    def at_primary(self, person: str | None = None) -> pd.DataFrame:
        """Rows of transfer.tsv at the primary scale of each person, or of one of them."""
        table = self.tables["transfer"]
        return at_primary(table if person is None else table[table["person"] == person])

    @property
    def bins(self) -> BinWords:
        """What the bins of all people are called."""
        return shared_words(self.tables["transfer"])


def write_group(
    files: GroupFiles,
    result: StageResult,
    members: Sequence[Member],
    key: GroupKey,
    *,
    simulated: bool,
) -> None:
    """Write the results of the group level; metrics last, so that they exist only beside all."""
    files.page.unlink(missing_ok=True)
    files.table("metrics", ".json").unlink(missing_ok=True)
    for suffix in GROUP_COLUMNS:
        for extension in (".tsv", ".json"):
            files.table(suffix, extension).unlink(missing_ok=True)
    bins = shared_words(result.tables["transfer"])
    for suffix, table in result.tables.items():
        write_table(files.table(suffix), table[list(GROUP_COLUMNS[suffix])])
        columns = describe_columns(GROUP_COLUMNS[suffix], bins)
        write_json(files.table(suffix, ".json"), columns)
    tables = files.table("metrics").parent
    write_record(
        files.table("metrics", ".json"),
        {
            "key": key.digest,
            "simulated": simulated,
            "participants": [
                {
                    "name": m.name,
                    "atlas": m.atlas,
                    "leave_out": m.leave_out,
                    "n_groups": len(m.groups),
                    "key": key.of_people[m.name],
                }
                for m in members
            ],
            "n_bootstraps": key.settings.n_bootstraps,
            "random_seed": key.settings.random_seed,
            "versions": versions(),
            **result.numbers,
            "not_done": result.not_done,
            "outputs": hash_files((p for p in tables.iterdir() if p.is_file()), tables),
        },
    )


@dataclass(frozen=True, eq=False)
class GroupKey:
    """What the results of a group depend on.

    Parameters
    ----------
    of_people : mapping of str to str
        By member, what the participant's results depend on.
    variables : DataFrame
        Values of people that performance is related to.
    """

    of_people: Mapping[str, str]
    settings: Settings
    variables: pd.DataFrame

    @property
    def digest(self) -> str:
        """Hash of all of it."""
        variables = self.variables.to_dict(orient="list")
        return content_key(
            {"members": self.of_people, "variables": variables, **settings_of_pairs(self.settings)}
        )

    def of_person(self, person: str) -> str:
        """Hash of what a person contributes."""
        return content_key({"person": self.of_people[person], "versions": versions()})

    def of_pairs(self, person: str) -> dict[str, str]:
        """Hash of the score of each signature on a person."""
        pair = {"person": self.of_people[person], **settings_of_pairs(self.settings)}
        return {name: content_key({"model": key, **pair}) for name, key in self.of_people.items()}


def settings_of_pairs(settings: Settings) -> dict[str, Any]:
    """What scores of pairs depend on, but for the people."""
    used = {name: getattr(settings, name) for name in ("n_bootstraps", "random_seed")}
    return {"versions": versions(), **used}


def earlier_group(files: GroupFiles, key: GroupKey) -> list[Earlier]:
    """Finished results of the group; what differs is people who would be missing, and settings.

    Results of fewer people, or of people who were decoded again since, are out of date.
    """
    path = files.table("metrics", ".json")
    record = find_record(path)
    if not path.is_file() or find_key(path) == key.digest:
        return []
    if record is None:
        lines = [state_of(path)]
    else:
        before = [row["name"] for row in record["participants"]]
        missing = [name for name in before if name not in key.of_people]
        lines = [f"{', '.join(missing)} would be left out"] if missing else []
        lines += [
            f"{name} was {record[name]} and is {getattr(key.settings, name)}"
            for name in ("n_bootstraps", "random_seed")
            if record[name] != getattr(key.settings, name)
        ]
    own = [path for path in path.parent.glob("group_*") if path.is_file()]
    return [Earlier("group", files.out_dir, path, [*own, files.page, *files.figures()], lines)]


def read_group(files: GroupFiles) -> GroupResults:
    """Read what :func:`write_group` wrote.

    Raises
    ------
    DerivativesError
        Naming the file that is missing or corrupted, or the person that was decoded again since.
    """
    metrics = read_record(files.table("metrics", ".json"))
    for path in changed_files(files.table("metrics").parent, metrics["outputs"]):
        raise DerivativesError(f"is missing, or was changed after it was written. {AGAIN}", path)
    now = {
        f"sub-{decoding.participant}": read_json(decoding.decoding("provenance", ".json")).get(
            "key"
        )
        for decoding in find_results(files.out_dir)
    }
    for participant in metrics.get("participants", []):
        if now and participant.get("key") != now.get(participant.get("name")):
            raise DerivativesError(
                f"{participant.get('name')} was decoded again since the group level ran. Run "
                "`painprint run ... group` again."
            )
    suffixes = [name for name in GROUP_COLUMNS if files.table(name).is_file()]
    return GroupResults(files, metrics, {name: read_table(files.table(name)) for name in suffixes})
