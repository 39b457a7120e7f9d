"""The study on one screen: find, read, decode, write, report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from joblib import effective_n_jobs

from painprint.atlas.geometry import Geometry, find_geometry
from painprint.atlas.image import AtlasFiles, mesh_density
from painprint.atlas.surfaces import find_surfaces
from painprint.atlas.table import load_places, load_regions
from painprint.bids.dense import load_dense
from painprint.bids.filter import BidsFilter
from painprint.bids.load import Bold, RunRecord, load_bold, load_run
from painprint.bids.runs import Inventory, RunFiles, files_of
from painprint.bids.select import find_runs
from painprint.bins import PARTS_OF_A_MINUTE, count_bins
from painprint.bold.extract import Extraction
from painprint.decode.decoding import Decoding, decode_runs, evaluate_training
from painprint.decode.many import MOMENTS_BYTES
from painprint.decode.prepare import Prepared, prepare_runs
from painprint.decode.training import train
from painprint.dense.image import Dense
from painprint.edges import count_edges
from painprint.evidence.bin_features import MOST_BYTES_OF_EDGES
from painprint.evidence.case import Case, Finding, Material, OtherAreas
from painprint.evidence.weights_file import read_weights
from painprint.files.dataset import BidsFile, Dataset, parse_name
from painprint.files.errors import DerivativesError
from painprint.files.tables import read_json
from painprint.progress import OnStep, count_steps
from painprint.regions import Regions
from painprint.results.audit import Account, take_account
from painprint.results.files import ParticipantFiles
from painprint.results.group import (
    GroupFiles,
    read_group,
    read_member,
    settings_used,
    write_group,
)
from painprint.results.provenance import hash_external, versions
from painprint.results.read import Results, find_results, read_results
from painprint.results.steps import (
    is_finished,
    load_finding,
    load_training,
    lock,
    remove,
    save_finding,
    save_training,
)
from painprint.results.write import renew_geometry, write_dataset_description, write_decoding
from painprint.runs import LeftOutRun, Run, RunKey, list_left_out
from painprint.settings import CLEANING, STAGES, Settings, flag
from painprint.store.files import content_key, hash_input

log = logging.getLogger("painprint")

Progress = Callable[[str], OnStep]
"""Gives whom to tell (done, of) of a named part of the work."""

MOST_NAMED = 4
"""Runs named in a line of the log; page and audit name all."""


@dataclass(frozen=True)
class Study:
    """Where a study's data lie, and how they are analysed.

    Parameters
    ----------
    bids_dir : Path
        Raw BIDS dataset with the ratings.
    out_dir : Path
    derivatives : sequence of Path
        Datasets with regional time series.
    settings : Settings
    n_jobs : int
        Workers; results do not depend on it.
    external : sequence of Path
        Weights of signatures from elsewhere.
    bids_filter : BidsFilter
        Which BOLD and ratings are meant.

    Raises
    ------
    DerivativesError
        If a folder does not exist.
    """

    bids_dir: Path
    out_dir: Path
    derivatives: Sequence[Path]
    settings: Settings
    n_jobs: int = 1
    external: Sequence[Path] = ()
    bids_filter: BidsFilter = BidsFilter()

    def __post_init__(self) -> None:
        for folder in (self.bids_dir, *self.derivatives):
            Dataset(folder, "")

    @property
    def raw(self) -> Dataset:
        """The raw dataset."""
        return Dataset(self.bids_dir, "raw")

    def participants(self) -> list[str]:
        """Labels asked for, or all in the raw dataset.

        Raises
        ------
        DerivativesError
            If one asked for is not there.
        """
        return list_participants(self.bids_dir, self.settings.participant_label)

    @property
    def datasets(self) -> list[Dataset]:
        """The derivative datasets."""
        numbered = enumerate(self.derivatives, start=1)
        return [Dataset(folder, f"derivatives{i}") for i, folder in numbered]

    def find(self, participant: str) -> Inventory:
        """The participant's files."""
        return find_runs(
            self.raw,
            self.datasets,
            participant,
            task_id=self.settings.task_id,
            rest_task=self.settings.rest_task,
            session_label=self.settings.session_label,
            atlas=self.settings.atlas,
            beside=[Dataset(self.out_dir, "results")] if self.out_dir.is_dir() else (),
            bids_filter=self.bids_filter,
        )

    def reader(self, inventory: Inventory, settings: Settings | None = None) -> _Reader:
        """Reads the runs of an inventory, by these settings instead of the study's if given."""
        extraction = None
        if inventory.image is not None:
            density = mesh_density(inventory.image)
            surfaces = find_surfaces(self.datasets, inventory.participant, density=density)
            extraction = Extraction(self.out_dir, inventory.image, self.settings, surfaces)
        return _Reader(inventory, settings or self.settings, extraction)


def list_participants(bids_dir: Path, asked_for: Sequence[str]) -> list[str]:
    """Labels asked for, or all in the raw dataset.

    Raises
    ------
    DerivativesError
        If one asked for is not there.
    """
    there = Dataset(bids_dir, "raw").participants()
    asked = [label.removeprefix("sub-") for label in asked_for]
    if unknown := [label for label in asked if label not in there]:
        raise DerivativesError(
            f"there is no participant {', '.join(unknown)} in {bids_dir}. There are: "
            f"{', '.join(there) or 'none'}."
        )
    if not there:
        raise DerivativesError(f"there is no participant (a folder sub-*) in {bids_dir}.")
    return list(dict.fromkeys(asked)) or there


class _Reader:
    """Reads the runs of an inventory one at a time, and remembers what to say of them."""

    def __init__(
        self, inventory: Inventory, settings: Settings, extraction: Extraction | None
    ) -> None:
        self.inventory = inventory
        self.settings = settings
        self.extraction = extraction
        self.records: list[RunRecord] = []
        self.left_out = list(inventory.left_out)

    @property
    def table(self) -> BidsFile | None:
        """The table of the atlas's regions, if there is one."""
        return self.extraction.table if self.extraction else self.inventory.region_table

    @property
    def regions(self) -> Regions | None:
        """The atlas's region table, where there is one that can be read."""
        try:
            return load_regions(self.table.path) if self.table else None
        except DerivativesError as error:
            if self.settings.exclude_network or self.extraction:
                raise
            log.warning("sub-%s: not used: %s", self.inventory.participant, error)
            return None

    def load(self, files: RunFiles) -> Bold:
        """The regional signals of a run, made of dense BOLD where need be."""
        return self.extraction.load(files) if self.extraction else load_bold(files)

    def runs(self, on_step: OnStep | None = None) -> Iterator[Run]:
        """The runs that can be read; the others are left out."""
        first_with: dict[str, RunKey] = {}
        step = count_steps(on_step, len(self.inventory.runs))
        for files in self.inventory.runs:
            step()
            try:
                run, record = load_run(files, self.settings, self.load)
                same = first_with.setdefault(hash_input(files.series.path), files.key)
                if same != files.key:
                    raise DerivativesError(
                        f"its time series is a copy of that of {same}. Remove one.",
                        files.series.path,
                    )
            except DerivativesError as error:
                self.left_out.append(LeftOutRun(files.key, str(error)))
                continue
            self.records.append(record)
            yield run

    def rest(self) -> Iterator[Run | LeftOutRun]:
        """The resting runs, those that cannot be read with the reason."""
        for files in self.inventory.rest:
            try:
                bold = self.load(files)
                yield bold.as_run(files.key, np.full(len(bold.signals), np.nan))
            except DerivativesError as error:
                yield LeftOutRun(files.key, str(error))

    def dense(self) -> Dense | None:
        """Dense BOLD behind the regions, cleaned as they were; None where there is none.

        Raises
        ------
        DerivativesError
            If it cannot be used.
        """
        if self.inventory.dense is None:
            return None
        if self.extraction is None:
            return load_dense(self.inventory.dense)
        of_run = {files.key: files for files in self.inventory.runs}
        clean_points = self.extraction.clean_points
        return load_dense(
            self.inventory.dense,
            lambda key, data: clean_points(of_run[key], data),
            sigma_mm=self.extraction.settings.smoothing_sigma_mm,
            surfaces=self.extraction.surfaces,
        )

    def places(self) -> tuple[dict[str, list[float]], tuple[str, ...]]:
        """Where the regions lie (mm), as far as it is known, and what to say of it."""
        if self.extraction is not None:
            found, notes = self.extraction.places()
            return found, (*notes, *self.extraction.atlas.notes)
        table = self.inventory.region_table
        try:
            return (load_places(table.path) if table else {}), ()
        except DerivativesError as error:
            return {}, (f"places of regions not used: {error}",)


def run_participant(study: Study, participant: str, *, progress: Progress | None = None) -> None:
    """Decode one participant and write every output; what is finished is not repeated.

    Raises
    ------
    DerivativesError
        If the participant cannot be decoded, or another process is at it.
    """
    found = _find(study, participant)
    files = ParticipantFiles.of(study.out_dir, found.inventory)
    with lock(study.out_dir, f"sub-{participant}"):
        check_output(files)
        key = _key(study, found)
        if _finished(files, key):
            log.info("sub-%s: finished before, with the same inputs and settings.", participant)
            if (
                read_json(files.decoding("provenance", ".json")).get("geometry")
                != found.geometry.key
            ):
                renew_geometry(files, found.geometry)
                log.info("sub-%s: views of the brain are made anew.", participant)
        else:
            follow = progress or (lambda _: _tell_nobody)
            _decode(study, found, files, key, follow)
        remove([files.training(), *(files.stage(name) for name in STAGES)])
        if files.page.is_file():
            log.info("sub-%s: page: %s", participant, files.page)
        else:
            write_page(files)


def _tell_nobody(done: int, of: int) -> None:
    """Progress that nobody follows."""


@dataclass(frozen=True, eq=False)
class _Found:
    """What there is of a participant, what questions may read later, where regions lie, and the
    surfaces on which dense BOLD is smoothed."""

    inventory: Inventory
    material: Material
    geometry: Geometry
    smoothed_on: tuple[Path, ...]


def _find(study: Study, participant: str) -> _Found:
    """Look for everything about a participant.

    Dense BOLD that cannot be used is noted; an external signature that cannot is an error, before
    anything takes time.
    """
    inventory = study.find(participant)
    reader = study.reader(inventory)
    places, of_places = reader.places()
    inventory = replace(
        inventory,
        region_table=reader.table,
        notes=(*inventory.notes, *_unread(study, inventory), *of_places),
    )
    dense = None
    try:
        dense = reader.dense()
    except DerivativesError as error:
        notes = (*inventory.notes, f"dense BOLD was not used: {error}")
        inventory = replace(inventory, dense=None, notes=notes)
    external = [read_weights(path, dense=inventory.dense) for path in study.external]
    names = [weights.name for weights in external]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DerivativesError(f"external signatures need different names: {', '.join(twice)}.")
    material = Material(
        runs=lambda: study.reader(inventory).runs(),
        rest=(lambda: study.reader(inventory).rest()) if inventory.rest else None,
        places=places,
        dense=dense,
        external=tuple(external),
        other_areas=_other_areas(study, inventory),
    )
    atlas = reader.extraction.atlas if reader.extraction else None
    geometry = find_geometry(inventory.atlas, atlas, study.datasets, participant, places)
    smoothed_on = reader.extraction.smoothed_on if reader.extraction else ()
    return _Found(inventory, material, geometry, smoothed_on)


def _other_areas(study: Study, inventory: Inventory) -> tuple[OtherAreas, ...]:
    """Atlases of the participant that were made of some of the sessions each."""
    if inventory.image is None:
        return ()
    everything = replace(study.settings, exclude_network=(), exclude_region=())

    def prepare(image: AtlasFiles) -> Prepared:
        reader = study.reader(replace(inventory, atlas=image.label, image=image), everything)
        return prepare_runs(reader.runs(), everything, regions=reader.regions)

    found = []
    for image in inventory.image.halves():
        if image.made_from is not None:
            sessions = frozenset(image.made_from.sessions)
            found.append(OtherAreas(image.label, sessions, partial(prepare, image)))
    return tuple(found)


def _unread(study: Study, inventory: Inventory) -> list[str]:
    """A note of options that are for dense BOLD only, where there is none to clean."""
    default = Settings()
    given = [n for n in CLEANING if getattr(study.settings, n) != getattr(default, n)]
    if inventory.image is not None or not given:
        return []
    return [
        f"regional time series are used as they are: {', '.join(f'--{flag(n)}' for n in given)} "
        "concern dense BOLD only."
    ]


def _decode(
    study: Study, found: _Found, files: ParticipantFiles, key: str, progress: Progress
) -> None:
    """Train, evaluate, question and write, from where an earlier run was killed."""
    inventory = found.inventory
    participant = inventory.participant
    reader = study.reader(inventory)
    on_step = progress("regional signals") if inventory.image else None
    try:
        prepared = prepare_runs(reader.runs(on_step), study.settings, regions=reader.regions)
        training = load_training(files.training(), key)
        if training is None:
            training = train(
                prepared, study.settings, n_jobs=study.n_jobs, on_step=progress("nested folds")
            )
            save_training(files.training(), training, key)
        else:
            log.info("sub-%s: the models were trained before; not trained again.", participant)
        decoding = evaluate_training(prepared, training, study.settings, n_jobs=study.n_jobs)
    except ValueError as error:
        raise DerivativesError(f"sub-{participant}: {error}{_list(reader.left_out)}") from error
    account = take_account(
        inventory,
        decoding,
        reader.records,
        reader.left_out,
        found.geometry,
        external=study.external,
        bids_filter=study.bids_filter.queries,
    )
    for line in _say(account, prepared):
        log.warning("sub-%s: %s", participant, line)
    case = _make_case(study, inventory, decoding, found.material)
    findings = _question(case, participant, files, key, progress)
    with lock(study.out_dir, "dataset_description.json", wait=True):
        write_dataset_description(study.out_dir, simulated=inventory.simulated)
    write_decoding(files, decoding, findings, account, key)


def _question(
    case: Case, participant: str, files: ParticipantFiles, key: str, progress: Progress
) -> dict[str, Finding]:
    """The answer of every stage that is not skipped, kept as soon as it is there."""
    from painprint.evidence.registry import ask  # compiles code, which other commands do not need

    findings = {}
    for stage in STAGES:
        if stage in case.settings.skip:
            continue
        finding = load_finding(files.stage(stage), key)
        if finding is None:
            finding = ask(case, stage, on_step=progress(stage))
            save_finding(files.stage(stage), finding, key)
        for reason in finding.not_done:
            log.info("sub-%s: %s: %s", participant, stage, reason)
        findings[stage] = finding
    return findings


def _make_case(study: Study, inventory: Inventory, decoding: Decoding, material: Material) -> Case:
    """The decoded person, with what the files say beside the runs."""
    everything = replace(study.settings, exclude_network=(), exclude_region=())

    def whole() -> Prepared:
        if everything == study.settings:
            return decoding.prepared
        reader = study.reader(inventory, everything)
        return prepare_runs(reader.runs(), everything, regions=reader.regions)

    return Case(decoding, inventory.sessions, replace(material, whole=whole), study.n_jobs)


def decode_participant(study: Study, participant: str) -> Case:
    """Decode one participant from files, writing nothing; for questions from Python.

    Raises
    ------
    DerivativesError
        If the participant's files cannot be used.
    ValueError
        If the participant cannot be decoded.
    """
    found = _find(study, participant)
    reader = study.reader(found.inventory)
    decoding = decode_runs(
        reader.runs(), study.settings, regions=reader.regions, n_jobs=study.n_jobs
    )
    return _make_case(study, found.inventory, decoding, found.material)


def run_group(study: Study, *, progress: Progress | None = None) -> None:
    """Ask what concerns several people, of participants that were decoded into the same folder.

    How their runs are read follows from the settings that each was decoded with; those of the
    study say who takes part, the number of resamples, and the seed.

    Raises
    ------
    DerivativesError
        If nobody was decoded, or somebody's results or files cannot be used.
    """
    from painprint.evidence.transfer import transfer

    wanted = study.participants()
    found = [files for files in find_results(study.out_dir) if files.participant in wanted]
    if not found:
        raise DerivativesError(
            f"no participant was decoded into {study.out_dir}. Run `painprint run ... participant` "
            "first."
        )
    decoded = {files.participant for files in found}
    for participant in wanted:
        if participant not in decoded:
            log.warning("sub-%s: not decoded, so not in the group.", participant)
    results = [read_results(files) for files in found]
    members = [read_member(one, partial(_runs_of, study, one)) for one in results]
    keys = {f"sub-{one.files.participant}": one.provenance["key"] for one in results}
    settings = study.settings
    try:
        finding = transfer(
            members,
            n_bootstraps=settings.n_bootstraps,
            random_seed=settings.random_seed,
            on_step=(progress or (lambda _: _tell_nobody))("transfer"),
        )
    except ValueError as error:
        raise DerivativesError(str(error)) from error
    for reason in finding.not_done:
        log.info("group: %s", reason)
    simulated = any(one.metrics["simulated"] for one in results)
    files = GroupFiles(study.out_dir)
    with lock(study.out_dir, "group"):
        write_group(files, finding, members, keys, settings=settings, simulated=simulated)
        write_group_page(files)
    for one in found:  # their pages show the signatures of others
        try:
            with lock(study.out_dir, f"sub-{one.participant}"):
                write_page(one)
        except DerivativesError as error:
            log.warning("sub-%s: its page does not show the group: %s", one.participant, error)


def _runs_of(study: Study, results: Results) -> list[Run]:
    """The runs of a decoded participant again.

    Raises
    ------
    DerivativesError
        If a file is not as it was when the participant was decoded.
    """
    of_person = replace(study, settings=settings_used(results))
    noted = results.provenance.get("bids_filter") or {}
    chosen = BidsFilter({q: {k: tuple(v) for k, v in w.items()} for q, w in noted.items()})
    of_person = replace(of_person, bids_filter=chosen)
    if results.audit.get("dense"):  # its regional time series lie beside the results
        label = parse_name(results.files.stem)[0]["atlas"]
        settings = replace(of_person.settings, atlas=label)
        of_person = replace(
            of_person,
            derivatives=(study.out_dir,),
            settings=settings,
            bids_filter=chosen.without("bold"),
        )
    inventory = of_person.find(results.files.participant)
    noted = results.provenance["inputs"]
    for file in files_of(inventory):
        if file.uri in noted and noted[file.uri] != hash_input(file.path):
            raise DerivativesError(
                f"was changed since sub-{inventory.participant} was decoded. Decode the "
                "participant again.",
                file.path,
            )
    return list(of_person.reader(inventory).runs())


def write_group_page(files: GroupFiles, *, pdf: bool = False) -> None:
    """Make the group's page and figures, as PDF too if asked, from its output files.

    Raises
    ------
    DerivativesError
        If a file is missing or damaged, or people were decoded again since.
    """
    from painprint.report.group import write_group_report

    results = read_group(files)
    try:
        write_group_report(results, pdf=pdf)
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(
            f"the group's page cannot be made of {files.table('*').parent} ({error!r}). Run "
            "`painprint run ... group` again."
        ) from error
    log.info("group: page: %s", files.page)


def _key(study: Study, found: _Found) -> str:
    """What the results of a participant depend on."""
    inventory = found.inventory
    dense = inventory.dense
    of_dense = (*dense.files.values(), *dense.masks.values()) if dense else ()
    files = dict.fromkeys((*files_of(inventory), *of_dense))
    surfaces = [hash_input(p) if p.exists() else "missing" for p in found.smoothed_on]
    return content_key(
        {
            "versions": versions(),
            "settings": {
                **asdict(study.settings),
                "participant_label": inventory.participant,
                "atlas": inventory.atlas,
            },
            "inputs": {f.uri: hash_input(f.path) if f.path.exists() else "missing" for f in files},
            "external": hash_external(study.external),
            "bids_filter": study.bids_filter.queries,
            "left_out": [str(run) for run in inventory.left_out],
            "notes": inventory.notes,
            "sessions": inventory.sessions.to_dict(orient="records"),
            **({"surfaces": surfaces} if surfaces else {}),
        }
    )


def _finished(files: ParticipantFiles, key: str) -> bool:
    """Whether the same study has been finished, and nothing of it was changed since."""
    if not files.decoding("metrics", ".json").is_file():
        return False
    try:
        provenance = read_json(files.decoding("provenance", ".json"))
    except DerivativesError:
        return False
    return is_finished(provenance, key, files.folder)


def _say(account: Account, prepared: Prepared) -> Iterator[str]:
    """What was left out or assumed, a line each."""
    yield from (f"left out {line}" for line in list_left_out(account.left_out))
    yield from _list_regions(prepared)
    for note, runs in account.notes.items():
        some = ", ".join(runs[:MOST_NAMED]) + (", ..." if len(runs) > MOST_NAMED else "")
        every = not runs or len(runs) == len(prepared.runs)
        yield note if every else f"{note} ({len(runs)} runs: {some})"


def write_page(files: ParticipantFiles, *, pdf: bool = False) -> None:
    """Make the participant's page and figures from the output files; nothing is recomputed.

    ``pdf`` asks for the figures as PDF too.

    Raises
    ------
    DerivativesError
        If a file is missing, damaged, or of another version.
    """
    from painprint.report.html import write_report
    from painprint.report.transfer import transfer_to
    from painprint.report.words import headline

    results = read_results(files)
    try:
        write_report(results, transfer_to(files.out_dir, files.participant), pdf=pdf)
        said = headline(results)
    except (KeyError, TypeError, ValueError) as error:
        raise DerivativesError(
            f"sub-{files.participant}: the page cannot be made of {files.stem}_* ({error!r}). "
            "Run `painprint run` again."
        ) from error
    log.info("sub-%s: %s", files.participant, said)
    log.info("sub-%s: page: %s", files.participant, files.page)


def write_pages(out_dir: Path, *, pdf: bool = False) -> int:
    """Make the pages of all finished participants, and of the group, again.

    ``pdf`` asks for the figures as PDF too.

    Returns
    -------
    n_failed : int
        Pages that could not be made; each is named in the log.

    Raises
    ------
    DerivativesError
        If there is no finished participant.
    """
    found = find_results(out_dir)
    if not found:
        raise DerivativesError(
            f"no finished participant in {out_dir} (sub-*/decoding/*_metrics.json). "
            "Run `painprint run` first."
        )
    n_failed = 0
    for files in found:
        try:
            write_page(files, pdf=pdf)
        except DerivativesError as error:
            log.error("%s", error)
            n_failed += 1
    group = GroupFiles(out_dir)
    if group.table("metrics", ".json").is_file():
        try:
            write_group_page(group, pdf=pdf)
        except DerivativesError as error:
            log.error("%s", error)
            n_failed += 1
    return n_failed


def check_output(files: ParticipantFiles) -> None:
    """One output folder holds one decoding per participant: a page shows one.

    Raises
    ------
    DerivativesError
        If there is another.
    """
    others = [f.stem for f in find_results(files.out_dir) if f.participant == files.participant]
    if different := [stem for stem in others if stem != files.stem]:
        raise DerivativesError(
            f"sub-{files.participant}: {files.out_dir} holds another decoding ({different[0]}). "
            "Choose another output folder for this one."
        )


def describe_inventory(study: Study, participant: str) -> tuple[str, bool]:
    """What a run would use and leave out, and why, and what it would need (--dry-run).

    Returns
    -------
    text : str
    can_be_decoded : bool
    """
    inventory = study.find(participant)
    if inventory.image is not None:
        return _describe_dense(study, inventory)
    reader = study.reader(inventory)
    prepared = prepare_runs(reader.runs(), study.settings, regions=reader.regions)
    lines = [
        f"sub-{participant}: task {', '.join(inventory.tasks) or 'n/a'}, "
        f"atlas {inventory.atlas or 'n/a'}" + (" (simulated data)" if inventory.simulated else "")
    ]
    rated = {r.key: r.rating_file for r in reader.records}
    lines += [
        f"  use      {lags[0].key}: {len(lags[0])} of {lags[0].counts['n_frames']} frames, "
        f"rating {rated[lags[0].key]}"
        for lags in prepared.runs
    ]
    left_out = (*reader.left_out, *prepared.runs_left_out)
    lines += [f"  leave out {line}" for line in list_left_out(left_out)]
    lines += [f"  {line}" for line in _list_regions(prepared)]
    notes = dict.fromkeys(note for record in reader.records for note in record.notes)
    lines += [f"  note: {note}" for note in (*inventory.notes, *notes)]
    n_dense = len(inventory.dense.files) if inventory.dense else 0
    lines.append(
        f"  beside them: {len(inventory.rest)} resting runs, dense BOLD of {n_dense} runs, "
        f"{len(study.external)} external signatures"
    )
    try:
        _, groups = prepared.groups(study.settings.leave_out)
        lines.append(
            f"  {len(groups)} {study.settings.leave_out}s, {len(prepared.runs)} runs, "
            f"{len(prepared.regions.names)} regions; {_needs(prepared, study)}"
        )
    except ValueError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    return "\n".join(lines), True


def _describe_dense(study: Study, inventory: Inventory) -> tuple[str, bool]:
    """The same of dense BOLD, of which only headers are read."""
    reader = study.reader(inventory)
    assert reader.extraction is not None and inventory.image is not None
    lines = [
        f"sub-{inventory.participant}: task {', '.join(inventory.tasks) or 'n/a'}, dense BOLD, "
        f"atlas {inventory.image.image.name}" + (" (simulated data)" if inventory.simulated else "")
    ]
    left_out, n_bytes, sessions = list(inventory.left_out), 0, set()
    for files in (*inventory.runs, *inventory.rest):
        try:
            series = reader.extraction.check(files)
        except DerivativesError as error:
            left_out.append(LeftOutRun(files.key, str(error)))
            continue
        n_bytes = max(n_bytes, 4 * series.n_frames * series.points.n_points)
        sessions |= {files.key.session} if files.rating else set()
        what = "use" if files.rating else "rest"
        lines.append(
            f"  {what:8s} {files.key}: {files.series.path.name}, {series.n_frames} frames of "
            f"{series.points.n_points} points"
        )
    lines += [f"  leave out {line}" for line in list_left_out(left_out)]
    of_dense = inventory.dense.notes if inventory.dense else ()
    lines += [f"  note: {note}" for note in (*inventory.notes, *of_dense)]
    try:
        n_regions = len(reader.extraction.atlas.regions.names)
    except DerivativesError as error:
        return "\n".join([*lines, f"  cannot be decoded: {error}"]), False
    n_runs = len(inventory.runs) + len(inventory.rest)
    lines.append(
        f"  {len(sessions)} sessions, {n_regions} regions; a run has up to {n_bytes / 1e9:.2f} GB, "
        f"and regional time series of {n_runs} runs are kept in OUT_DIR "
        f"(about {n_runs * n_regions * 0.014:.0f} MB)."
    )
    return "\n".join(lines), bool(sessions)


def _needs(prepared: Prepared, study: Study) -> str:
    """Rough disk and memory needs."""
    n_regions = len(prepared.regions.names)
    signals = sum(lag.signals.nbytes for lags in prepared.runs for lag in lags)
    rules, settings = study.settings.rules, study.settings
    n_minutes = sum(count_bins(lags[0], rules).one_minute for lags in prepared.runs)
    n_rows = n_minutes * PARTS_OF_A_MINUTE.get(rules.train_bins, 1)
    _, groups = prepared.groups(settings.leave_out)
    n_groups, workers = len(groups), effective_n_jobs(study.n_jobs)
    matrices = 8.0 * n_rows**2 * (2 + 4 * workers)
    predictions = 0.0
    if rules.decoder == "lasso_pcr":
        predictions = 8.0 * n_rows * n_rows * n_groups
    if len(settings.skip) < len(STAGES):
        matrices += 8.0 * (n_rows + 1.5 * n_minutes) ** 2 * (2 + workers)
    if "null" not in settings.skip and rules.train_bins != "rating":
        n_ratings = 2.2 * settings.n_permutations
        of_ratings = 8.0 * n_rows * n_ratings * (3 + 4 * workers)
        if rules.decoder == "lasso_pcr":
            of_ratings += 1.4 * min(MOMENTS_BYTES, 32 * n_groups * n_rows * n_ratings)
        predictions = max(predictions, of_ratings)
    edges = 4.0 * (n_rows + 1.5 * n_minutes) * count_edges(n_regions)  # single precision
    if "baselines" not in settings.skip and edges <= MOST_BYTES_OF_EDGES:
        predictions = max(predictions, 1.1 * edges)
    memory = 0.3e9 + 1.1 * signals + matrices + predictions
    disk = 2e6 + 60 * count_edges(n_regions) + 400 * n_rows
    return f"about {memory / 1e9:.1f} GB of memory and {disk / 1e6:.0f} MB of disk."


def _list(left_out: Sequence[LeftOutRun]) -> str:
    return "".join(f"\n  left out {line}" for line in list_left_out(left_out))


def _list_regions(prepared: Prepared) -> list[str]:
    """A line for each reason to leave regions out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in prepared.regions_left_out.items():
        by_reason.setdefault(reason, []).append(name)
    return [
        f"leave out {len(names)} regions: {reason}: {', '.join(names)}"
        for reason, names in by_reason.items()
    ]
