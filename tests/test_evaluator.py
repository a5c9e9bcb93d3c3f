"""One evaluator: what a script, a trace and a study are told are the same numbers."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal_clusters
import photonflow as pf
from helpers import assert_close
from photonflow.component import getter
from photonflow.links import family
from photonflow.search.sensitivity import elasticities


@pytest.fixture(scope="module")
def cluster():
    return nominal_clusters.cluster("pluggable")


@pytest.fixture(scope="module")
def decode():
    return nominal_clusters.decode()


@functools.cache
def gradient():
    """d ln J/token in every number of the cluster, in reverse through one program."""
    work = nominal_clusters.decode()

    def log_j(cluster):
        return jnp.log(pf.evaluate(cluster, work).j_per_token)

    cluster = nominal_clusters.cluster("pluggable")
    return jax.jit(jax.value_and_grad(log_j))(cluster)


def test_a_trace_and_the_programs_of_link_families_agree(cluster, decode):
    alone = pf.evaluate(cluster, decode).j_per_token
    assert_close(jnp.exp(gradient()[0]), alone, rtol=1e-12)


def test_budgets_that_are_given_change_nothing(cluster, decode):
    budgets = pf.link_budgets(cluster)
    given, solved = (pf.evaluate(cluster, decode, b) for b in (budgets, None))
    assert float(given.j_per_token) == float(solved.j_per_token)


def test_an_array_where_a_number_belongs_is_refused_by_its_name(cluster, decode):
    path = "scale_out.switch_link.end_b.tia.bandwidth_hz"
    many = pf.replace(cluster, {path: jnp.full(3, 40e9)})
    with pytest.raises(ValueError, match=r"`link.end_b.tia.bandwidth_hz` has shape"):
        pf.evaluate(many, decode)


def test_elasticities_of_families_are_those_of_reverse_mode(cluster, decode):
    found = elasticities(cluster, decode)
    for path in (
        "accelerator.idle_w",
        "scale_out.host_link.end_a.source.laser.current_a",
        "scale_out.switch_link.end_b.tia.bandwidth_hz",
        "scale_out.switch_link.fec.latency_s",
        "scale_out.switch_length_m",
        "nominal.case_k",
    ):
        slope = float(getter(path)(gradient()[1])) * float(getter(path)(cluster))
        assert found.values[path] == pytest.approx(slope, rel=1e-9, abs=1e-15), path
    named = found.largest(len(found.values), "scale_out.")
    sizes = [abs(value) for _, value in named]
    assert sizes == sorted(sizes, reverse=True)
    ours = {path for path in found.values if path.startswith("scale_out.")}
    assert {path for path, _ in named} == {p for p in ours if found.relative[p]}


def test_a_link_is_traced_once_for_budgets_slopes_and_all_numbers(cluster, decode):
    link = cluster.scale_out.switch_link
    at = cluster.worst.at(link.path.reach_m)
    own = family.LinkFamily(link, at)
    traces = family.budget._cache_size()  # type: ignore[attr-defined]
    rows = own.rows(link, at, {"rate_bps": np.linspace(1.5e12, 1.6e12, 40)})
    found = own.budgets(rows)
    own.jacobian(rows[0])
    terms = own.values(rows, worst=True)
    for way in ("a_to_b", "b_to_a"):
        slacks = getattr(found, way).slacks
        assert_close(terms.slacks[way]["ber"], slacks["ber"], rtol=1e-9)
    assert family.budget._cache_size() <= traces + 1  # type: ignore[attr-defined]


def test_rows_past_a_piece_are_solved_like_those_inside(cluster):
    link = cluster.scale_up.link
    at = cluster.worst.at(link.path.reach_m)
    own = family.family_of(link, at)
    lengths = np.linspace(0.5, 1.5, family.BUDGET_ROWS + 3)
    rows = own.rows(link, at, {"at.length_m": lengths})
    whole: Any = own.budgets(rows).a_to_b.log10_ber
    last: Any = own.budgets(rows[-1:]).a_to_b.log10_ber
    assert whole.shape == lengths.shape and whole[-1] == last[0]
    assert (np.diff(whole) > 0).all()  # longer copper, more errors
