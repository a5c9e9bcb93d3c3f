"""What a task came to, handed over to its row of the result."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from .. import causes
from ..cards import Provenance
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..limits import TOLERANCE
from ..result.schema import PublishedRow, SourceRow, VariantResult
from ..result.search_schema import PartsRow, YieldRow
from ..result.variant import source_rows, variant_row
from ..search.fabrication import Population
from ..search.laser_drive import LaserDrive
from ..search.link_limits import LinkLimit, link_limits
from ..search.sensitivity import elasticities
from ..search.solution import Solution
from .robust import JUDGED, WATTS, Robustness
from .study import Study
from .tasks import Task


def task_row(
    study: Study,
    task: Task,
    cluster: Cluster,
    report: Report,
    drives: list[LaserDrive],
    before: Cluster,
    solution: Solution | None,
    robustness: Robustness | None = None,
) -> VariantResult:
    """The row of one task, from where its search or its drives left the cluster.

    `before` is the cluster as its cards describe it, driven; `study` has the options
    that a search took.
    """
    variant, workload = task.variant, study.workload(task.workload)
    free = study.free_paths(variant)
    moved_off = robustness is not None and robustness.taken
    prices = None
    if solution is not None:
        prices = None if moved_off else solution.multipliers
        # The search has set its own currents anew; one in a part that was exchanged
        # is that of the new card.
        drives = [
            drive
            for drive in drives
            if drive.path not in free
            and not any(drive.path.startswith(f"{part}.") for part in solution.choices)
        ]
    origins = study.provenance(variant)
    return variant_row(
        name=variant,
        workload_name=task.workload,
        point=dict(task.point),
        cluster=cluster,
        workload=workload,
        report=report,
        constraints=constraints(study, report),
        drives=drives,
        free=free,
        cards={tier: study.technology(variant, tier) for tier in causes.TIERS},
        matrix_unit=study.cards(variant).get("matrix_unit"),
        origins=origins,
        elasticities=elasticities(cluster, workload, prices, drives),
        solution=solution,
        before=None if solution is None else before,
        fabrication=robustness and yield_row(robustness),
    )


def yield_row(robustness: Robustness) -> YieldRow:
    """Yield of a variant before and after it was made robust."""
    asked, found = robustness.asked, robustness.solution
    return YieldRow(
        link=robustness.place,
        wanted=asked.wanted,
        draws=asked.draws,
        judged=JUDGED,
        trimmed={trim.path: trim.step for trim in robustness.trimmed},
        spread=robustness.spread,
        lanes=robustness.lanes,
        as_drawn=_parts_row(robustness.before, robustness.lanes),
        robust=_parts_row(robustness.after, robustness.lanes),
        taken=robustness.taken,
        message=found.message,
        seconds=sum(found.seconds.values()),
    )


def _parts_row(drawn: Population, lanes: int) -> PartsRow:
    # A draw without a number misses its limits, and by how much nobody knows.
    worst = np.nan_to_num(np.min([*drawn.slacks.values()], axis=0), nan=-1.0)
    watts = drawn.values[WATTS]
    missed = {
        name: float(np.mean(~(slack >= -TOLERANCE)))
        for name, slack in drawn.slacks.items()
    }
    return PartsRow(
        kept=drawn.share,
        standard_error=drawn.standard_error,
        link_share=drawn.share**lanes,
        missed={name: share for name, share in missed.items() if share > 0},
        mean_w=float(watts[np.isfinite(watts)].mean()),
        worst_slacks=np.quantile(worst, np.linspace(0, 1, 101)).tolist(),
    )


def constraints(study: Study, report: Report) -> list[LinkLimit]:
    """Every limit of the links, with the minima of the study."""
    return link_limits(report, study.settings.constraints, causes.TIERS)


def sources(study: Study, published: Iterable[PublishedRow] = ()) -> list[SourceRow]:
    """Sources of all variants at all points, each with the paths that rest on it."""

    def origins() -> Iterator[Provenance]:
        everywhere = [study.at(point) for point in study.points()]
        for variant, here in itertools.product(study.variants, everywhere):
            yield from here.provenance(variant).values()

    return source_rows(origins(), study.library, published)
