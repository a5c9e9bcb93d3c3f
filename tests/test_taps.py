"""When taps sample: at the band edge, or where errors are fewest."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import nominal
from benchmarks.montecarlo import LARGE_SWINGS, built, corner
from helpers import assert_close
from photonflow.component import Scalar, replace
from photonflow.links.base import Conditions
from photonflow.links.optical import OpticalLink
from photonflow.signal.taps import BAND_EDGE, LEAST_ERRORS, AbstractTappedSlicer


def plug(retimed: bool, taps: int) -> tuple[OpticalLink, Conditions]:
    """Mach-Zehnders 6 dB past the worst corner."""
    port = nominal.pluggable_port(retimed=retimed)
    equaliser = nominal.feed_forward(taps=taps)
    link = nominal.optical_link(port, port, equaliser=equaliser)
    return link, nominal.worst(ageing_db=7.0)


def ring() -> tuple[OpticalLink, Conditions]:
    """A ring of high Q over a long junction, driven far, at PAM-4 and 27 GBd."""
    link = replace(built(LARGE_SWINGS[5]), {"path.connectors_db": 11.0})
    return link, corner()


@eqx.filter_jit
def slicer(link: OpticalLink, at: Conditions) -> AbstractTappedSlicer:
    transmitter, receiver = (
        link.end(link.end_a, at).transmitter,
        link.receiver(link.end_b, at),
    )
    found = link.equaliser.equalise(transmitter, receiver, link.channel(at), link.pam)
    assert isinstance(found, AbstractTappedSlicer)
    return found


def timed(link: OpticalLink, timing: str) -> OpticalLink:
    equaliser = dataclasses.replace(link.equaliser, timing=timing)
    return eqx.tree_at(lambda x: x.equaliser, link, equaliser)


@eqx.filter_jit
def log10_ber(slicer: AbstractTappedSlicer) -> Scalar:
    return slicer.log10_ber(jnp.zeros(()))


@eqx.filter_jit
def over_a_symbol(slicer: AbstractTappedSlicer, times: int) -> jax.Array:
    """log10 BER sampled from half a symbol early to half a symbol late."""
    return jax.lax.map(
        lambda symbols: slicer.delayed(symbols).error_rate_as_sampled(jnp.zeros(()))[0],
        jnp.linspace(-0.5, 0.5, times),
    )


@pytest.mark.parametrize("retimed, taps, lost", [(True, 5, 0.35), (False, 15, 0.1)])
def test_the_band_edge_times_the_sampler_nearly_best(retimed, taps, lost):
    """Against the best of 21 times over a symbol: the decades that are lost.

    Five taps cannot move the sampling time by themselves; fifteen can.
    """
    tried = over_a_symbol(slicer(*plug(retimed, taps)), 21)
    assert float(tried[10] - tried.min()) < lost


@pytest.mark.parametrize("of", [lambda: plug(True, 5), ring], ids=["taps", "pattern"])
def test_a_receiver_that_tries_all_times_errs_least(of):
    """No time on a grid of 1/200 symbol is better; the band edge is worse."""
    link, at = of()
    edge, least = (
        slicer(timed(link, timing), at) for timing in (BAND_EDGE, LEAST_ERRORS)
    )
    found, tried = log10_ber(least), over_a_symbol(edge, 201)
    assert found <= float(tried.min()) + 1e-9
    assert_close(found, tried.min(), rtol=1e-3)
    assert found < log10_ber(edge) - 0.1


MOVED: tuple[str, ...] = ("end_a.modulator.detuning", "end_a.modulator.drive_v")


@pytest.mark.slow
def test_error_rates_at_the_best_time_have_the_gradient_of_their_differences():
    """Of a ring's pattern; `test_equaliser` has the rule for pulses that add up."""
    link, at = ring()

    @jax.jit
    def of(detuning, drive_v):
        changes = dict(zip(MOVED, (detuning, drive_v), strict=True))
        return log10_ber(slicer(replace(link, changes), at))

    x = (jnp.asarray(1.0), jnp.asarray(3.8))
    ours = jax.jit(jax.grad(of, argnums=(0, 1)))(*x)
    for i in range(2):
        up = [v + 1e-4 * (k == i) for k, v in enumerate(x)]
        down = [v - 1e-4 * (k == i) for k, v in enumerate(x)]
        assert_close(ours[i], (of(*up) - of(*down)) / 2e-4, rtol=1e-5)


@pytest.mark.parametrize("timing", ["middle", "edge"])
def test_a_time_that_is_none_is_refused(timing):
    with pytest.raises(ValueError, match="`band_edge` or `least_errors`"):
        nominal.feed_forward(timing=timing)
