"""Every number a link answers with has a name that people can read."""

import jax
import jax.numpy as jnp
import pytest

from photonflow.cards import Library
from photonflow.devices.sources import AbstractSource
from photonflow.limits import declared
from photonflow.quantity import show
from photonflow.report.labels import constraint_name
from photonflow.result.labels import NOISES, STAGES, limit, show_quantity
from photonflow.result.link import main_slack


CASE_K = jnp.asarray(343.15)


@pytest.fixture(scope="module")
def shelf():
    return Library()


traced = jax.jit(lambda link, at: link.budget(at))


def unnamed(slacks, stages, noises=()):
    """Those that would be shown as the code spells them."""
    limits = {name for name in slacks if not declared(name)}
    return limits | (set(stages) - set(STAGES)) | set(noises) - {*NOISES}


@pytest.mark.parametrize("card", Library().names("links"))
def test_every_limit_loss_and_noise_of_a_shipped_link_has_a_name(card, shelf):
    link = shelf.load(card)
    at = shelf.load("room-worst").at(link.path.reach_m)
    # Shapes and names alone, and once for cards that differ in numbers only.
    budget = traced.eval_shape(link, at)
    for way in (budget.a_to_b, budget.b_to_a):
        assert not unnamed(way.slacks, way.budget_db, way.noise_share)


def test_every_limit_and_loss_of_a_shipped_source_has_a_name(shelf):
    sources = [shelf.load(name) for name in shelf.names("lasers")]
    sources = [source for source in sources if isinstance(source, AbstractSource)]
    assert len({type(source) for source in sources}) >= 3  # diodes, units, combs
    for source in sources:
        light = source.emit(CASE_K, CASE_K)
        assert not unnamed(light.slacks, light.budget_db)


def test_a_limit_of_the_filters_is_told_from_that_of_the_modulators():
    assert limit("drop_fsr").label == f"{limit('fsr').label}, drop filters"
    path = "scale_out.switch_link.a_to_b.drop_fsr"
    assert constraint_name(path).startswith(limit("drop_fsr").label)


def test_a_grid_that_does_not_fit_explains_the_error_rate_it_spoils():
    assert main_slack(["ber", "drop_fsr", "fsr", "heater"], True) == "fsr"
    assert main_slack(["ber", "drop_tuning_range"], False) == "drop_tuning_range"
    # Too much light explains itself; a laser that cannot reach does not.
    assert main_slack(["ber", "junction"], True) == "junction"
    assert main_slack(["ber", "junction"], False) == "ber"


def test_a_difference_of_temperature_is_in_kelvins():
    assert show_quantity(43.3, "K", 20.0) == show(43.3, "K") == "43.3 K"
    assert show_quantity(343.15, "K", 273.15) == "70 degC"
    assert show_quantity(1e-14, "1/Hz") == "-140 dB/Hz"
