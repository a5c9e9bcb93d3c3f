"""What a task came to, handed over to its row of the result."""

import itertools
from collections.abc import Iterable, Iterator

from .. import causes
from ..cards import Provenance
from ..cluster.hardware import Cluster
from ..cluster.step import Report
from ..component import replace
from ..links.laser_drive import LaserDrive
from ..result.schema import PublishedRow, SourceRow, VariantResult
from ..result.variant import source_rows, variant_row
from ..search.objective import Objective
from ..search.optimise import Solution
from ..search.sensitivity import elasticities
from .study import Study
from .tasks import Task


def task_row(
    study: Study,
    task: Task,
    cluster: Cluster,
    report: Report,
    drives: list[LaserDrive],
    solution: Solution | None,
) -> VariantResult:
    """The row of one task, from where its search or its drives left the cluster."""
    variant, workload = task.variant, study.workload(task.workload)
    where, ranges = study.space(variant)
    free = [f"{w}.{path}" for w in where for path in ranges]
    before, prices = None, None
    if solution is not None:
        before = replace(study.cluster(variant), {d.path: d.amps for d in drives})
        prices = solution.lagrangian
        # The search has set its own currents anew.
        drives = [drive for drive in drives if drive.path not in free]
    origins = study.provenance(variant)
    return variant_row(
        name=variant,
        workload_name=task.workload,
        point=dict(task.point),
        cluster=cluster,
        workload=workload,
        report=report,
        objective=objective(study, report),
        drives=drives,
        free=free,
        cards={tier: study.technology(variant, tier) for tier in causes.TIERS},
        matrix_unit=study.cards(variant).get("matrix_unit"),
        origins=origins,
        elasticities=elasticities(cluster, workload, prices, drives),
        solution=solution,
        before=before,
    )


def objective(study: Study, report: Report) -> Objective:
    """The study's objective, with the minima of slacks that this variant has."""
    everything = Objective(tiers=causes.TIERS).constraints(report)
    names = {constraint.slack for constraint in everything}
    minima = study.settings.constraints.items()
    return Objective(
        minimum={k: v for k, v in minima if k in names}, tiers=causes.TIERS
    )


def sources(study: Study, published: Iterable[PublishedRow] = ()) -> list[SourceRow]:
    """Sources of all variants at all points, each with the paths that rest on it."""

    def origins() -> Iterator[Provenance]:
        everywhere = [study.at(point) for point in study.points()]
        for variant, here in itertools.product(study.variants, everywhere):
            yield from here.provenance(variant).values()

    return source_rows(origins(), study.library, published)
