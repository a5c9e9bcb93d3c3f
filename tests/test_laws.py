"""Laws that hold for every class of component and every shipped card.

Nothing is listed here: classes come from the registry and instances from the shipped
cards and studies, so that a new class is judged as soon as it has a card. What a class
answers is found as well: each of its methods whose arguments have a name in `GIVEN` is
called, and every number that it returns, however deep, is an output.
"""

import dataclasses
import functools
import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradient_rule import (
    Case,
    assert_finite,
    box,
    case,
    ends,
    gradients,
    richardson,
)
from photonflow import units
from photonflow.cards import Library
from photonflow.cards.classes import fields, registry
from photonflow.cards.values import read
from photonflow.cluster.step import Cluster
from photonflow.cluster.topology import AbstractTopology
from photonflow.cluster.workload import Workload
from photonflow.component import Component
from photonflow.experiment import study
from photonflow.experiment.io import shipped
from photonflow.links.base import AbstractLink, Conditions
from photonflow.links.port import AbstractPort
from photonflow.quantity import InputError


AT = Conditions(case_k=343.15, coolant_k=323.15, length_m=1.2, ageing_db=1.0)
GIVEN: dict[str, Any] = {
    "at": AT,
    "ambient_k": 330.0,
    "case_k": 343.15,
    "clock_hz": 1e10,
    "columns": 1e4,
    "coolant_k": 323.15,
    "current_a": 0.1,
    "drive": 0.3,
    "drive_v": 1.5,
    "frequency_hz": 20e9,
    "fsr_hz": 2e12,
    "heat_w": 0.1,
    "hot_k": 343.15,
    "hz_per_k": 1.1e10,
    "input_w": 1e-3,
    "it_w": 1e3,
    "junction_k": 340.0,
    "length_m": 1.2,
    "light_w": 1e-3,
    "load_f": 30e-15,
    "mode_width_m": 300e-9,
    "optical_hz": 2.29e14,
    "pairs": 8.0,
    "pam": 4,
    "photodiode_f": 20e-15,
    "radius_m": 6e-6,
    "rate_bps": 1e11,
    "reverse_v": 1.0,
    "rings": 8.0,
    "source_ohm": 25.0,
    "symbol_hz": 53.125e9,
    "thermal": None,
    "wavelength_m": 1.31e-6,
    "wavelengths": 8.0,
}
"""argument of a method -> what it is called with"""
WHOLE = (AbstractLink, AbstractPort, AbstractTopology, Cluster, Workload)
"""kinds that have gradient tests of their own, with everything beneath them"""


@functools.cache
def instances() -> dict[str, Component]:
    """The first of every class among shipped cards, then among shipped studies."""
    found: dict[str, Component] = {}

    def visit(tree: Any) -> None:
        if isinstance(tree, Component):
            found.setdefault(type(tree).__name__, tree)
            for field in dataclasses.fields(tree):
                visit(getattr(tree, field.name))

    library = Library()
    for name in library.names():
        visit(library.load(name))
    for path in sorted(shipped().glob("*.yaml")):
        opened = study(path.stem)
        for variant in opened.variants:
            visit(opened.cluster(variant))
        for workload in opened.workloads:
            visit(opened.workload(workload))
    visit(AT)
    return found


def test_every_class_stands_in_a_shipped_card_or_study():
    assert set(registry()) == set(instances())


def test_every_quantity_ends_in_the_unit_that_it_declares():
    for cls in registry().values():
        for spec in fields(cls)[0].values():
            end = units.SUFFIX[spec.unit]
            assert not end or spec.path.endswith(f"_{end}"), f"{cls.__name__}.{spec}"
            assert spec.doc and spec.low < spec.high, f"{cls.__name__}.{spec.path}"


def test_a_value_outside_of_its_range_is_refused_by_name_with_what_is_allowed():
    for cls in registry().values():
        for key, spec in fields(cls)[0].items():
            unit = "" if spec.unit == "1" else spec.unit
            for beyond in (spec.low, spec.high):
                away = 1.0 if beyond == spec.high else -1.0
                outside = beyond + away * max(abs(beyond), spec.high - spec.low) * 0.1
                with pytest.raises(InputError) as raised:
                    read(f"{outside!r} {unit}", spec, key=key, file="a card")
                assert f"`{key}`" in str(raised.value), (cls.__name__, key)
                assert "where the model is valid" in str(raised.value)


def methods(cls: type) -> dict[str, list[str]]:
    """Public methods and the names of their arguments."""
    return {
        name: list(inspect.signature(method).parameters)[1:]
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }


def test_every_class_with_methods_is_asked_something():
    """An argument of a new name wants a value in `GIVEN`: else nothing is judged."""
    for name in PARTS:
        asked = methods(registry()[name])
        called = [m for m, names in asked.items() if set(names) <= set(GIVEN)]
        assert called or not asked, (name, asked)


def answers(tree: Component) -> dict[str, jax.Array]:
    """Every number that the methods of `tree` return, by method and place."""
    found = {}
    for name, asked in methods(type(tree)).items():
        if not set(asked) <= set(GIVEN):
            continue
        given = [
            jnp.asarray(x) if isinstance(x := GIVEN[key], float) else x for key in asked
        ]
        returned = eqx.filter(getattr(tree, name)(*given), eqx.is_inexact_array)
        for place, x in jax.tree_util.tree_leaves_with_path(returned):
            where = f"{name}{jax.tree_util.keystr(place)}"
            for part in ("real", "imag") if jnp.iscomplexobj(x) else ("real",):
                found[f"{where}.{part}"] = jnp.sum(getattr(x, part))
    return found


@functools.cache
def build(name: str) -> Case | None:
    """The case of one class; None where its methods answer no number."""
    tree = instances()[name]
    if not jax.tree.leaves(tree) or not eqx.filter_eval_shape(answers, tree):
        return None
    return case((tree,), [name], answers)


PARTS = sorted(n for n, cls in registry().items() if not issubclass(cls, WHOLE))
of_each = pytest.mark.parametrize("name", PARTS, scope="module")


@pytest.mark.slow
@of_each
def test_gradients_match_finite_differences_at_the_nominal_point(name):
    """|AD - FD| <= 1e-5 |FD| + 1e-9 |f|, in the coordinates of `gradient_rule`."""
    case = build(name)
    if case is None:
        return
    x = case.nominal[None]
    ours, size = gradients(case, x)[0], np.abs(case.values(x)[0])[:, None]
    missed = np.ones(ours.shape, bool)
    theirs = ours
    for step in (1e-2, 2e-3, 4e-4):
        theirs = np.where(missed, richardson(case, x, step)[0], theirs)
        missed &= ~(np.abs(ours - theirs) <= 1e-5 * np.abs(theirs) + 1e-9 * size)
        if not missed.any():
            return
    worst = [
        f"{case.outputs[i]} by {case.paths[j]}: AD {ours[i, j]:.9g}, "
        f"FD {theirs[i, j]:.9g}"
        for i, j in np.argwhere(missed)
    ]
    raise AssertionError("\n".join(worst[:20]))


@pytest.mark.slow
@of_each
def test_all_is_finite_at_both_ends_of_every_parameter_and_over_the_box(name):
    case = build(name)
    if case is not None:
        assert_finite(case, np.concatenate([ends(case), box(case, 64)]))
