"""Glass, copper and what lies on a chip: losses that add up, and dispersion."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradient_rule
from helpers import assert_close
from link_rows import CASES as ROWS
from photonflow.cards import Library
from photonflow.component import replace
from photonflow.devices.chip import ChipPath, FibreCoupler, Splitter
from photonflow.devices.passives import BoardPath, ChromaticDispersion, FibrePath
from photonflow.devices.response import power, to_db
from photonflow.units import LIGHT_M_PER_S


LIBRARY = Library()
DISPERSION = ChromaticDispersion(zero_m=1312e-9, slope_s_per_m3=92.0)


@pytest.mark.parametrize(
    "nm, ps_per_nm_km",
    [
        (1312.0, 0.0),
        # 0.092 / 4 (1550 - 1312^4 / 1550^3) = 17.35, the 17 of every textbook
        (1550.0, 17.35),
        # The far ends of LAN-WDM and CWDM: 0.092 / 4 (1264.5 - 1312^4 / 1264.5^3)
        (1264.5, -4.62),
        (1337.5, 2.28),
    ],
)
def test_dispersion_of_standard_fibre_grows_from_its_zero(nm, ps_per_nm_km):
    """1 ps/nm/km is 1e-6 s/m^2."""
    ours = float(DISPERSION.s_per_m2(jnp.asarray(nm * 1e-9))) * 1e6
    assert abs(ours - ps_per_nm_km) < 0.01


def test_the_slope_at_the_zero_is_the_slope():
    slope = jax.grad(lambda x: DISPERSION.s_per_m2(x))(jnp.asarray(1312e-9))
    assert_close(slope, 92.0, rtol=1e-12)


def test_the_slope_of_a_card_is_read_in_picoseconds():
    """0.092 ps/nm^2/km = 0.092e-12 / 1e-18 / 1e3 = 92 s/m^3."""
    assert_close(LIBRARY.load("dispersion-g652").slope_s_per_m3, 92.0, rtol=1e-12)


def test_an_intensity_tone_fades_as_its_sidebands_turn():
    """The field 1 + m cos(wt) through exp(i phi), detected: cos(phi) of the tone."""
    frequency_hz, wavelength_m, length_m = 53e9, 1550e-9, 10e3
    d = float(DISPERSION.s_per_m2(jnp.asarray(wavelength_m)))
    # beta_2 = -lambda^2 D / 2 pi c; a sideband turns by beta_2 w^2 L / 2.
    beta2 = -(wavelength_m**2) * d / (2 * math.pi * LIGHT_M_PER_S)
    turn = beta2 * (2 * math.pi * frequency_hz) ** 2 * length_m / 2
    phase = 2 * math.pi * np.arange(64) / 64
    field = 1 + 1e-4 * np.cos(phase) * np.exp(1j * turn)
    tone = 2 * np.mean(np.abs(field) ** 2 * np.cos(phase)) / 2e-4
    ours = DISPERSION.transfer(
        jnp.asarray(frequency_hz), jnp.asarray(wavelength_m), jnp.asarray(length_m)
    )
    assert_close(ours.real, tone, rtol=1e-6)
    assert ours.imag == 0


def test_ten_kilometres_null_a_200g_lane_off_the_zero_but_not_on_it():
    """First null at sqrt(c / 2 lambda^2 |D| L): 45 GHz at 1264.5 nm, none at 1312."""
    path = LIBRARY.load("fibre-lr-10km")
    f, length_m = jnp.linspace(0.0, 60e9, 601), jnp.asarray(10e3)
    edge = power(path.transfer(f, jnp.asarray(1264.5e-9), length_m))
    d = 4.62e-6
    null_hz = math.sqrt(LIGHT_M_PER_S / (2 * 1264.5e-9**2 * d * 10e3))
    assert_close(f[jnp.argmin(edge)], null_hz, rtol=3e-3)
    middle = power(path.transfer(f, jnp.asarray(1312e-9), length_m))
    assert_close(middle, np.ones(601), rtol=1e-9)


def test_fibre_without_dispersion_passes_every_tone():
    path = FibrePath(
        connectors_db=0.0,
        fibre_db_per_m=5e-4,
        group_index=1.468,
        reach_m=500.0,
        end_return_db=26.0,
        return_db=45.0,
        reflections=4.0,
    )
    f = jnp.linspace(0.0, 60e9, 7)
    passed = path.transfer(f, jnp.asarray(1271e-9), jnp.asarray(500.0))
    assert_close(power(passed), np.ones(7), rtol=0)


@pytest.mark.parametrize(
    "card, length_m, loss_db",
    [
        ("fibre-dr-500m", 500.0, ROWS["dr8_channel"]["outputs"]["IL_dB"]),
        ("fibre-fr-2km", 2e3, 4.0),  # 3.0 + 2 km x 0.5
        ("fibre-lr-10km", 10e3, 6.3),  # 2.0 + 10 km x 0.43
    ],
)
def test_a_channel_loses_what_its_standard_allots(card, length_m, loss_db):
    path = LIBRARY.load(card)
    assert abs(float(path.loss_db(jnp.asarray(length_m))) - loss_db) < 0.01
    assert path.reach_m == length_m


@pytest.mark.parametrize(
    "row, channel_db",
    [("dr4_budget_closure", "channel_IL_dB")],
)
def test_the_budget_of_dr4_closes_over_our_channel(row, channel_db):
    """-2.2 - 3.0 - 0.1 = -5.3 = -1.9 - 3.4."""
    given, out = ROWS[row]["inputs"], ROWS[row]["outputs"]
    channel = float(LIBRARY.load("fibre-dr-500m").loss_db(jnp.asarray(500.0)))
    tolerance = ROWS[row]["tolerance"]["abs_dB"]
    assert abs(channel - given[channel_db]) < tolerance
    offered = given["OMA_minus_TDECQ_min_dBm"] - channel - given["MPI_dB"]
    assert abs(offered - out["offered_sens_minus_SECQ_dBm"]) < tolerance
    needed = given["stressed_sens_dBm"] - given["SECQ_dB"]
    assert abs(needed - out["needed_sens_minus_SECQ_dBm"]) < tolerance


def coupler(**changes):
    values = dict(insertion_db=1.2, centre_m=1310e-9, bandwidth_m=30e-9)
    return FibreCoupler(**values | changes)


def chip_path(**changes):
    values: dict[str, Any] = dict(
        coupler=coupler(),
        splitter=Splitter(ways=4.0, excess_db=0.28),
        length_m=5e-3,
        guide_db_per_m=150.0,
        bends=6.0,
        bend_db=0.01,
        crossings=2.0,
        crossing_db=0.017,
    )
    return ChipPath(**values | changes)


def test_losses_on_a_chip_are_named_and_add_up():
    losses = chip_path().losses_db(jnp.asarray(1310e-9))
    # Two doublings of 3.0103 + 0.28 dB; 0.5 cm of 1.5 dB/cm; 6 x 0.01; 2 x 0.017.
    expected = {
        "coupler": 1.2,
        "splitter": 6.5806,
        "guide": 0.75,
        "bends": 0.06,
        "crossings": 0.034,
    }
    assert losses.keys() == expected.keys()
    for name, loss_db in expected.items():
        assert_close(losses[name], loss_db, rtol=1e-4)
    whole = chip_path().loss_db(jnp.asarray(1310e-9))
    assert_close(whole, sum(expected.values()), rtol=1e-4)


def test_a_route_without_coupler_or_split_loses_in_its_guide_alone():
    """0.5 cm of 1.5 dB/cm, 6 x 0.01, 2 x 0.017 dB, at any wavelength."""
    route = chip_path(coupler=None, splitter=None)
    assert_close(route.loss_db(jnp.asarray(1280e-9)), 0.844, rtol=1e-12)


def test_a_splitter_conserves_light_but_for_its_excess():
    """4 outputs of a lossless splitter carry the input."""
    each = 10 ** (-float(Splitter(ways=4.0, excess_db=0.0).loss_db()) / 10)
    assert_close(4 * each, 1.0, rtol=1e-12)
    assert float(Splitter(ways=1.0, excess_db=0.28).loss_db()) == 0


def test_a_coupler_loses_one_db_more_at_half_its_width():
    at = [float(coupler().loss_db(jnp.asarray(nm * 1e-9))) for nm in (1310, 1325, 1295)]
    assert_close(at[0], 1.2, rtol=1e-12)
    assert_close(at[1:], [2.2, 2.2], rtol=1e-6)


@pytest.mark.parametrize(
    "card, length_m, exponent",
    [("cable-dac-800g", 2.0, 0.5), ("board-on-board", 0.3, 0.85)],
)
def test_copper_loses_what_its_card_says_and_less_at_half_the_frequency(
    card, length_m, exponent
):
    path, length_m = LIBRARY.load(card), jnp.asarray(length_m)
    f = jnp.array([26.5625e9, 53.125e9])
    half_db, full_db = -to_db(power(path.transfer(f, length_m)))
    assert_close(full_db, path.fixed_db + path.loss_db_per_m * length_m, rtol=1e-9)
    assert_close(half_db, full_db * 0.5**exponent, rtol=1e-9)


def test_a_board_is_worth_a_tenth_of_its_length_in_cable():
    """60 dB/m against 7.5: why scale-up left the board."""
    board, cable = LIBRARY.load("board-on-board"), LIBRARY.load("cable-dac-800g")
    assert isinstance(board, BoardPath)
    assert 5 < board.loss_db_per_m / cable.loss_db_per_m < 12


@pytest.mark.parametrize("count, pairs", [(0, 0), (0.5, 0), (2, 1), (3, 3), (4, 6)])
def test_connectors_beat_in_pairs_and_never_below_none(count, pairs):
    """n (n - 1) / 2 of them at 20 dB, between ends of 60 dB: 1e-12 + 2e-8 n + 1e-4."""
    path = replace(
        LIBRARY.load("fibre-dr-500m"),
        {"reflections": float(count), "return_db": 20.0, "end_return_db": 60.0},
    )
    expected = 1e-12 + 2e-8 * count + pairs * 1e-4
    assert_close(path.interference(), expected, rtol=1e-9)


def stages(path, fibre, copper):
    length_m, wave_m = jnp.asarray(2e3), jnp.asarray(1295.56e-9)
    f = jnp.asarray(20e9)
    tone = fibre.transfer(f, wave_m, length_m)
    return {
        "chip": path.loss_db(wave_m),
        "fibre": fibre.loss_db(length_m),
        "flight": jnp.log(fibre.latency_s(length_m)),
        "dispersion": tone.real,
        "copper": jnp.log(power(copper.transfer(f, jnp.asarray(0.1)))),
    }


@pytest.fixture(scope="module")
def case():
    fibre, board = LIBRARY.load("fibre-lr-10km"), LIBRARY.load("board-on-board")
    tree = (chip_path(), fibre, board)
    return gradient_rule.case(tree, ["path", "fibre", "copper"], stages)


def test_losses_obey_the_gradient_rule(case):
    points = np.random.default_rng(3).uniform(0.1, 0.9, (64, len(case.paths)))
    gradient_rule.assert_rule(case, np.vstack([case.nominal, case.at(points)]))


def test_losses_are_finite_over_the_whole_box(case):
    """Both ends of every parameter, and 4,096 corners and points of the box."""
    points = [gradient_rule.ends(case), gradient_rule.box(case, 4096)]
    gradient_rule.assert_finite(case, np.concatenate(points))
