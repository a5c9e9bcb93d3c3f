"""Differentiable co-design of photonic interconnects, device to joules per token."""

from importlib import import_module
from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from . import compute as compute
    from .cards import cite as cite
    from .cards import load as load
    from .cards import provenance as provenance
    from .cards.overrides import replace as replace
    from .cluster.budgets import Budgets as Budgets
    from .cluster.budgets import link_budgets as link_budgets
    from .cluster.hardware import Cluster as Cluster
    from .cluster.step import Report as Report
    from .cluster.step import evaluate as evaluate
    from .cluster.workload import Workload as Workload
    from .compilation import enable_cache as enable_cache
    from .component import Component as Component
    from .component import enable_x64 as enable_x64
    from .component import param as param
    from .component import params as params
    from .experiment import study as study
    from .links.base import Conditions as Conditions
    from .links.base import LinkBudget as LinkBudget
    from .search.design_space import Free as Free
    from .search.fabrication import Population as Population
    from .search.fabrication import Trim as Trim
    from .search.fabrication import over_draws as over_draws
    from .search.fabrication import population as population
    from .search.fabrication import spreads as spreads
    from .search.goals import at_least as at_least
    from .search.goals import at_most as at_most
    from .search.goals import maximum as maximum
    from .search.goals import minimum as minimum
    from .search.laser_drive import LaserDrive as LaserDrive
    from .search.laser_drive import set_drive as set_drive
    from .search.minimise import minimise as minimise
    from .search.optimise import optimise as optimise
    from .search.pareto import pareto as pareto
    from .search.sensitivity import Elasticities as Elasticities
    from .search.sensitivity import elasticities as elasticities
    from .search.solution import Solution as Solution

__version__ = "0.1.0"

# Public names load on first use, so that the command line answers without jax.
_HOME = {
    "enable_cache": "compilation",
    "Component": "component",
    "enable_x64": "component",
    "param": "component",
    "params": "component",
    "replace": "cards.overrides",
    "cite": "cards",
    "load": "cards",
    "provenance": "cards",
    "study": "experiment",
    "Cluster": "cluster.hardware",
    "Budgets": "cluster.budgets",
    "link_budgets": "cluster.budgets",
    "Report": "cluster.step",
    "evaluate": "cluster.step",
    "Workload": "cluster.workload",
    "Conditions": "links.base",
    "LinkBudget": "links.base",
    "set_drive": "search.laser_drive",
    "LaserDrive": "search.laser_drive",
    "elasticities": "search.sensitivity",
    "Elasticities": "search.sensitivity",
    "Free": "search.design_space",
    "Population": "search.fabrication",
    "Trim": "search.fabrication",
    "over_draws": "search.fabrication",
    "pareto": "search.pareto",
    "population": "search.fabrication",
    "spreads": "search.fabrication",
    "Solution": "search.solution",
    "at_least": "search.goals",
    "at_most": "search.goals",
    "maximum": "search.goals",
    "minimum": "search.goals",
    "minimise": "search.minimise",
    "optimise": "search.optimise",
}


_ROOMS = ("compute",)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name not in _HOME:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_ROOMS})
