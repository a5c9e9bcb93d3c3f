"""The gradient rule: |AD - FD| <= 1e-5 |FD| + 1e-9, and finite all over the box.

Coordinates are ln p; where p may be 0 or is in decibels they are p over its span. Links
are judged stage by stage (watts, error rate, margin, every slack), matrix units by
every watt, joule, second, noise and slack, clusters by step time and joules per token.
Each case compiles two functions, the outputs of a batch of points and the pull-back of
a batch of cotangents, and every test reuses them.
"""

import fnmatch
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from photonflow.cluster.step import evaluate
from photonflow.component import params
from photonflow.search.design import DesignSpace
from photonflow.search.objective import Objective
from photonflow.search.optimise import optimise


BATCH = 256


class Case(NamedTuple):
    """One tree of parameters and what is computed from it."""

    paths: list[str]
    nominal: np.ndarray
    low: np.ndarray
    high: np.ndarray
    logarithmic: np.ndarray
    outputs: list[str]
    values: Callable[[np.ndarray], np.ndarray]
    """(points, params) -> (points, outputs)"""
    pull: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """(points, params), (points, outputs) -> (points, params) in the coordinates"""

    def move(self, x: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Points displaced by `step` in the coordinates."""
        span = self.high - self.low
        return np.where(self.logarithmic, x * np.exp(step), x + span * step)

    def at(self, u: np.ndarray) -> np.ndarray:
        """Points of the box from `u` in [0, 1]."""
        low = np.where(self.logarithmic, self.low, 1.0)
        high = np.where(self.logarithmic, self.high, 1.0)
        straight = self.low + u * (self.high - self.low)
        return np.where(self.logarithmic, low * (high / low) ** u, straight)


def in_batches(function: Callable, width: int) -> Callable:
    """`function` of rows, compiled once for `BATCH` of them."""
    compiled = jax.jit(jax.vmap(function))

    def run(*arrays: np.ndarray) -> np.ndarray:
        n = len(arrays[0])
        rows = -(-n // BATCH) * BATCH
        # The last batch is filled up with copies of the last row.
        padded = [a[np.minimum(np.arange(rows), n - 1)] for a in arrays]
        out = np.empty((rows, width))
        for i in range(0, rows, BATCH):
            # Columns: slicing scalars off a vector inside costs minutes of compilation.
            columns = [[jnp.asarray(c) for c in a[i : i + BATCH].T] for a in padded]
            out[i : i + BATCH] = np.stack(compiled(*columns), axis=1)
        return out[:n]

    return run


def case(tree: Any, prefixes: list[str], stages: Callable) -> Case:
    """The case of `stages(*tree) -> {name: scalar}`."""
    about = [
        p for part, name in zip(tree, prefixes, strict=True) for p in params(part, name)
    ]
    leaves, structure = jax.tree.flatten(tree)
    assert all(leaf is p.value for leaf, p in zip(leaves, about, strict=True))
    low, high = np.array([p.low for p in about]), np.array([p.high for p in about])
    logarithmic = (low > 0) & np.array([p.unit not in ("dB", "dBm") for p in about])

    def named(columns: list) -> dict:
        return stages(*jax.tree.unflatten(structure, columns))

    names = sorted(jax.eval_shape(named, leaves))

    def outputs(columns: list) -> list:
        out = named(columns)
        return [out[name] for name in names]

    def pull(columns: list, cotangent: list) -> list:
        return jax.vjp(outputs, columns)[1](cotangent)[0]

    raw = in_batches(pull, len(about))

    def in_coordinates(x: np.ndarray, cotangent: np.ndarray) -> np.ndarray:
        return raw(x, cotangent) * np.where(logarithmic, x, high - low)

    return Case(
        paths=[p.path for p in about],
        nominal=np.array(leaves),
        low=low,
        high=high,
        logarithmic=logarithmic,
        outputs=names,
        values=in_batches(outputs, len(names)),
        pull=in_coordinates,
    )


def link_stages(link: Any, at: Any) -> dict:
    budget = link.budget(at)
    out = {
        "end_a.ln_power": jnp.log(budget.end_a.power_w()),
        "end_b.ln_power": jnp.log(budget.end_b.power_w()),
        "ln_latency": jnp.log(budget.latency_s),
    }
    for name in ("a_to_b", "b_to_a"):
        way = getattr(budget, name)
        out |= {f"{name}.ber": way.log10_ber, f"{name}.margin": way.margin_db}
        out |= {f"{name}.ber_reserve": way.log10_ber_reserve}
        out |= {f"{name}.slack.{key}": slack for key, slack in way.slacks.items()}
    return out


def cluster_stages(cluster: Any, workload: Any) -> dict:
    report = evaluate(cluster, workload)
    return {
        "ln_j_per_token": jnp.log(report.j_per_token),
        "ln_step": jnp.log(report.step_s),
    }


def unit_stages(unit: Any) -> dict:
    cost = unit.cost(nominal.product())
    noise, watts = unit.noise(), unit.static_w()
    out = {f"ln_{cause}": jnp.log(w) for cause, w in watts.items()}
    out |= {f"noise.ln_{cause}": jnp.log(x) for cause, x in noise.items()}
    out |= {f"ln_{cause}_j": jnp.log(j) for cause, j in cost.energy_j.items()}
    out |= {f"ln_{cause}_s": jnp.log(s) for cause, s in cost.time_s.items()}
    return out | {f"slack.{name}": slack for name, slack in unit.slacks().items()}


LINKS = ("engine-pluggable", "linear-linear", "copper")
UNITS = ("lithium-niobate-unit", "heater-unit")
FAMILIES = (
    "cpo",
    pytest.param("pluggable", marks=pytest.mark.slow),
    pytest.param("lpo", marks=pytest.mark.slow),
)
STEPS = ("train", "prefill", "optical")
TRAINED = (pytest.param("cpo-train", marks=pytest.mark.slow),)
CASES = LINKS + UNITS + FAMILIES + STEPS + TRAINED


@functools.cache
def build(name: str) -> Case:
    if name in nominal.FAMILIES:
        tree = (nominal.cluster(name), nominal.decode())
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name == "optical":
        cluster = nominal.copper_cluster(matrix_unit=nominal.svd_unit())
        tree = (cluster, nominal.prefill())
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name in STEPS:
        tree = (nominal.copper_cluster(), nominal.workloads()[name])
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name == "cpo-train":
        tree = (nominal.cluster("cpo"), nominal.training())
        return case(tree, ["cluster", "workload"], cluster_stages)
    if name in UNITS:
        mesh = nominal.svd_mesh()
        if name == "heater-unit":
            mesh = nominal.svd_mesh(shifter=nominal.heater())
        return case((nominal.svd_unit(mesh=mesh),), ["unit"], unit_stages)
    if name == "copper":  # Of its conditions only the length counts.
        at = nominal.worst(length_m=1.2)
        tree = (nominal.copper_link(),)
        return case(tree, ["link"], lambda link: link_stages(link, at))
    family = {"engine-pluggable": "cpo", "linear-linear": "lpo"}[name]
    tree = (nominal.links_of(family)[0], nominal.worst())
    return case(tree, ["link", "at"], link_stages)


def gradients(case: Case, x: np.ndarray) -> np.ndarray:
    """(points, outputs, params) by reverse mode."""
    n, m = len(x), len(case.outputs)
    each = np.tile(np.eye(m), (n, 1))
    return case.pull(np.repeat(x, m, axis=0), each).reshape(n, m, -1)


def richardson(case: Case, x: np.ndarray) -> np.ndarray:
    """(points, outputs, params) by central differences with h = 1e-2 / 1, 2, 4, 8.

    Errors go as h^2, h^4, ...: neighbours of the ladder eliminate one order after the
    other, and of the tableau the entry that moved least is taken.
    """
    steps = 1e-2 / 2.0 ** np.arange(4)
    n, p = x.shape
    signed = np.array([s * sign for s in steps for sign in (1, -1)])
    moves = signed[:, None, None] * np.eye(p)  # (8, params, params)
    points = case.move(x[:, None, None], moves).reshape(-1, p)
    f = case.values(points).reshape(n, len(steps), 2, p, -1)
    column = list(
        (f[:, :, 0] - f[:, :, 1]).swapaxes(0, 1) / (2 * steps[:, None, None, None])
    )
    best, moved = column[-1], np.full_like(column[-1], np.inf)
    for order in range(1, len(steps)):
        factor = 4.0**order
        column, before = (
            [
                (factor * fine - coarse) / (factor - 1)
                for coarse, fine in zip(column, column[1:], strict=False)
            ],
            column,
        )
        for new, old in zip(column, before[1:], strict=True):
            change = np.abs(new - old)
            best = np.where(change < moved, new, best)
            moved = np.minimum(change, moved)
    return best.swapaxes(1, 2)


def assert_rule(case: Case, x: np.ndarray) -> None:
    ours, theirs = gradients(case, x), richardson(case, x)
    # Close under its noise ceiling a margin moves by hundreds of dB per unit and bends
    # as fast: there it is the differences that are good to 1e-4 only.
    margin = np.array([name.endswith(".margin") for name in case.outputs])
    steep = margin[None, :, None] & (np.abs(theirs) > 100)
    excess = np.abs(ours - theirs) - (
        np.where(steep, 1e-4, 1e-5) * np.abs(theirs) + 1e-9
    )
    worst = [
        f"{case.outputs[j]} by {case.paths[k]}, point {i}: "
        f"AD {ours[i, j, k]:.9g}, FD {theirs[i, j, k]:.9g}"
        for i, j, k in np.argwhere(~(excess <= 0))
    ]
    assert not worst, f"{len(worst)} of {ours.size}:\n" + "\n".join(worst[:20])


def interior(case: Case, n: int, width: float) -> np.ndarray:
    """Points around the nominal one, off the fold and not far out of reach.

    Every coordinate moves by up to +-`width` of its range, kept 1 % inside the box; a
    PHY inside a box stays at its watts, since its range reaches past most boxes. Of
    these, points that miss their error rate (short of the threshold margins diverge as
    the noise ceiling comes near) or have a `fold` slack below 0.1 are left out; joules
    and seconds know no slacks, so clusters keep all.
    """
    random = np.random.default_rng(7)
    ends = [np.where(case.logarithmic, end, 1.0) for end in (case.low, case.high)]
    span = np.where(case.logarithmic, np.log(ends[1] / ends[0]), 1.0)
    span[[path.endswith("included_phy_w") for path in case.paths]] = 0.0
    move = random.uniform(-width, width, (8 * n, len(span))) * span
    x = np.clip(case.move(case.nominal, move), case.at(0.01), case.at(0.99))
    limits = {"ber": 0.0, "fold": 0.1}
    f = case.values(x)
    keep = np.ones(len(x), bool)
    for i, name in enumerate(case.outputs):
        kind = name.rpartition("slack.")[2]
        keep &= f[:, i] > limits.get(kind, -np.inf)
    assert keep.sum() >= n, f"{keep.sum()} of {len(x)} points are reachable"
    return x[keep][:n]


@pytest.mark.parametrize("name", CASES)
def test_gradients_match_finite_differences_at_the_nominal_point(name):
    case = build(name)
    assert_rule(case, case.nominal[None])


@pytest.mark.parametrize("name", CASES)
def test_gradients_match_finite_differences_inside(name):
    """64 points of a link, a unit or a step on copper, 4 of the other clusters: 60 more
    of those are in the slow suite."""
    case = build(name)
    many = name in LINKS + UNITS + STEPS
    assert_rule(case, interior(case, 64, 0.03)[: 64 if many else 4])


@pytest.mark.slow
def test_gradients_match_finite_differences_at_the_optimum():
    """Where a search of the ring engine ends, for every parameter and output."""
    case, cluster = build("cpo"), nominal.cluster("cpo")
    ends = ["host_link.end_a", "switch_link.end_a", "switch_link.end_b"]
    space = DesignSpace.of(
        cluster,
        [f"scale_out.{end}" for end in ends],
        {
            "modulator.gap": (100e-9, 300e-9),
            "modulator.drive": (0.6, 2.5),
            "modulator.detuning": (0.1, 2.5),
            "source.laser.current": (0.06, 0.6),
            "tia.bandwidth": (25e9, 90e9),
        },
    )
    found = optimise(
        cluster, nominal.decode(), space, Objective({"fold": 0.2}), starts=16
    )
    assert found.feasible
    x = np.array(case.nominal)
    for path, value in found.design.items():
        x[case.paths.index(f"cluster.{path}")] = value
    assert_rule(case, x[None])


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES + TRAINED)
def test_gradients_of_a_cluster_match_finite_differences_at_64_points(name):
    case = build(name)
    for part in np.split(interior(case, 64, 0.03), 8):
        assert_rule(case, part)


def assert_finite(case: Case, x: np.ndarray) -> None:
    values = case.values(x)
    # A cotangent of ones adds all outputs up, and anything not finite stays so.
    slopes = case.pull(x, np.ones_like(values))
    bad = [
        f"{case.outputs[j]} at point {i}" for i, j in np.argwhere(~np.isfinite(values))
    ]
    bad += [
        f"d/d {case.paths[k]} at point {i}"
        for i, k in np.argwhere(~np.isfinite(slopes))
    ]
    assert not bad, f"{len(bad)}:\n" + "\n".join(bad[:20])


@pytest.mark.parametrize("name", CASES)
def test_all_is_finite_at_both_ends_of_every_parameter(name):
    case = build(name)
    p = len(case.paths)
    x = np.tile(case.nominal, (2 * p, 1))
    every = np.arange(p)
    x[every, every], x[p + every, every] = case.low, case.high
    assert_finite(case, x)


def box(case: Case, n: int) -> np.ndarray:
    """`n` corners and `n` interior points of the box of all parameters."""
    random = np.random.default_rng(11)
    corners = random.integers(0, 2, (n, len(case.paths))).astype(float)
    inside = random.uniform(0.0, 1.0, (n, len(case.paths)))
    return np.concatenate([case.at(corners), case.at(inside)])


@pytest.mark.parametrize("name", CASES)
def test_all_is_finite_at_corners_and_inside_of_the_box(name):
    case = build(name)
    assert_finite(case, box(case, 256))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_all_is_finite_at_4096_corners_and_4096_points_of_the_box(name):
    case = build(name)
    assert_finite(case, box(case, 4096))


QUALITY = "quality of the signal: a constraint, it costs no watt by itself"
DESIGN = "a demand on the design, not a part of the machine"
UNUSED = "states what the part stands, for checks outside the step"
LINE = "a terminated line has no capacitance that its bandwidth or symbols would charge"
SENT = "the path dims what arrives; watts of a photodiode are counted at the modulator"
COPPER = "the all-reduce is a measured floor and a rate; latencies are inside the floor"
CANCELS = "a ratio to itself, or a share moved between two causes"

# family:path -> why its elasticity is 0
NO_EFFECT = {
    "*:cluster.worst.*": DESIGN,
    "*:*.reserve_db": DESIGN,
    "*:*.reach_m": DESIGN,
    "*:*.launch_dbm": DESIGN,
    "*:*.fec.threshold": DESIGN,
    "*:*.laser.junction_max_k": DESIGN,
    "*:*.residual_db": QUALITY,
    "*:*.transmit_snr_db": QUALITY,
    "*:*.receive_snr_db": QUALITY,
    "*:*.peaking_db": QUALITY,
    "*:*.noise_v2_per_hz": QUALITY,
    "*:*.swing_v": QUALITY,
    "*:*.host.bandwidth_hz": QUALITY,
    "*:*.line.bandwidth_hz": QUALITY,
    "*:*.host_log10_ber": QUALITY,
    "*:*.trace.*": QUALITY,
    "*:*.source_ohm": QUALITY,
    "*:*.laser.rin_per_hz": QUALITY,
    "*:*.photodiode.capacitance_f": QUALITY,
    "*:*.photodiode.bandwidth_hz": QUALITY,
    "*:*.tia.output_v": QUALITY,
    "*:*.tia.noise_factor": QUALITY,
    "*:*.tia.input_f": QUALITY,
    "*:*.tia.gain_bandwidth_hz": QUALITY,
    "*:*.junction.series_ohm_m": QUALITY,
    "*:*.crosstalk_v": QUALITY,
    "*:*.coupler_out_db": SENT,
    "*:*.coupler_receive_db": SENT,
    "*:*.connectors_db": SENT,
    "*:*.fibre_db_per_m": SENT,
    "*:cluster.nominal.ageing_db": SENT,
    "*:*.tia.power_exponent": "the nominal design is the reference design",
    "pluggable:cluster.nominal.coolant_k": "no laser is outside its module",
    "lpo:cluster.nominal.coolant_k": "no laser is outside its module",
    "*:cluster.accelerator.usable": UNUSED,
    "*:cluster.accelerator.memory_byte": UNUSED,
    "*:cluster.accelerator.limit_w": UNUSED,
    "*:workload.prompt": "caches arrive in the background; they set utilisation",
    "*:workload.output": "caches arrive in the background; they set utilisation",
    "*:cluster.scale_up.link.end_[ab].lanes": COPPER,
    "*:cluster.scale_up.link.end_[ab].host.latency_s": COPPER,
    "*:cluster.scale_up.link.path.*": COPPER,
    "*:cluster.scale_up.link.fec.latency_s": COPPER,
    "*:cluster.scale_up.length_m": COPPER,
    "*:cluster.scale_up.switch.latency_s": COPPER,
    "*:*.fec.overhead": CANCELS,
    "*:cluster.scale_up.domain": CANCELS,
    "*:cluster.scale_up.floor_exponent": "measured among 8, and the layout has 8 ranks",
    "*:*.half_wave_v": CANCELS,
    "pluggable:*.driver.bandwidth_hz": LINE,
    "lpo:*.driver.bandwidth_hz": LINE,
    "cpo:cluster.scale_out.host_link.end_b.driver.bandwidth_hz": LINE,
    "*:*.modulator.bandwidth_hz": LINE,
    "pluggable:*.modulator.wavelength_m": LINE,
    "lpo:*.modulator.wavelength_m": LINE,
    "cpo:cluster.scale_out.host_link.end_b.modulator.wavelength_m": LINE,
}
ZERO = 1e-13  # what cancels leaves a few units of rounding


@pytest.mark.parametrize("name", FAMILIES)
def test_joules_per_token_ignore_what_is_listed_and_nothing_else(name):
    case = build(name)
    slope = gradients(case, case.nominal[None])[0, case.outputs.index("ln_j_per_token")]
    zero = {path for path, g in zip(case.paths, slope, strict=True) if abs(g) < ZERO}
    listed = {
        path
        for path in case.paths
        if any(fnmatch.fnmatchcase(f"{name}:{path}", pattern) for pattern in NO_EFFECT)
    }
    assert zero == listed, f"not listed {zero - listed}, not zero {listed - zero}"
