"""Differentiable co-design of photonic interconnects, device to joules per token."""

from importlib import import_module
from typing import Any


__version__ = "0.1.0"

# Public names load on first use, so that the command line answers without jax.
_HOME = {
    "Component": "component",
    "enable_x64": "component",
    "param": "component",
    "cite": "cards",
    "load": "cards",
    "provenance": "cards",
    "study": "experiment",
    "Cluster": "cluster.step",
    "Report": "cluster.step",
    "evaluate": "cluster.step",
    "Workload": "cluster.workload",
    "Conditions": "links.base",
    "LinkBudget": "links.base",
    "DesignSpace": "search.design",
    "Constraint": "search.objective",
    "Objective": "search.objective",
    "Solution": "search.optimise",
    "optimise": "search.optimise",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
