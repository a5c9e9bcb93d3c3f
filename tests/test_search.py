import jax.numpy as jnp
import numpy as np
import pytest

import nominal
from photonflow.cluster.architecture import DenseDecoder
from photonflow.cluster.budgets import set_drive
from photonflow.cluster.derivatives import PROGRAMS
from photonflow.cluster.facility import Facility, Host
from photonflow.cluster.parallelism import Layout
from photonflow.cluster.step import Cluster, evaluate
from photonflow.cluster.topology import (
    Climate,
    FatTree,
    Nic,
    SwitchBox,
    SwitchedDomain,
)
from photonflow.cluster.workload import Decode
from photonflow.component import getter, replace
from photonflow.compute.accelerator import Accelerator
from photonflow.devices.detectors import Photodiode
from photonflow.devices.diodes import WearOut
from photonflow.devices.drivers import CapacitiveDriver, TerminatedDriver
from photonflow.devices.electronics import Dsp, Housekeeping, SerDes, Trace
from photonflow.devices.junction import PNJunction
from photonflow.devices.lasers import DFBLaser
from photonflow.devices.mach_zehnder import MachZehnderModulator
from photonflow.devices.passives import RibWaveguide, TwinaxPath
from photonflow.devices.receivers import TransimpedanceAmplifier
from photonflow.devices.ring_heating import RingHeater
from photonflow.devices.ring_modulators import MicroringModulator
from photonflow.devices.sources import LaserSource
from photonflow.links.copper import CopperLink, CopperPort
from photonflow.links.family import FAMILIES
from photonflow.links.fec import Fec
from photonflow.links.modulated_port import ModulatedPort
from photonflow.search import sqp
from photonflow.search.design_space import DesignSpace
from photonflow.search.objective import Objective
from photonflow.search.optimise import optimise, spread
from photonflow.search.sensitivity import elasticities


HOST_A, HOST_B = "scale_out.host_link.end_a", "scale_out.host_link.end_b"
SWITCH_A, SWITCH_B = "scale_out.switch_link.end_a", "scale_out.switch_link.end_b"
DETUNING = [(0.1, 2.5), (-2.5, -0.1)]


def serdes(pj, noisy=33.0):
    return SerDes(pj * 1e-12, noisy, noisy - 1, 10.0, 8.2e-18, 0.8, 70e9, 5e-9)


def laser(current_a):
    wear = WearOut(50.0, 333.15, 1.554e-19)
    return DFBLaser(
        current_a=current_a,
        threshold_a=0.012,
        efficiency=0.55,
        t0_k=60.0,
        t1_k=200.0,
        turn_on_v=0.95,
        series_ohm=1.2,
        thermal_k_per_w=12.0,
        junction_max_k=383.0,
        wavelength_m=1.31e-6,
        rin_per_hz=6e-16,
        wear=wear,
    )


def tia(bandwidth_hz):
    return TransimpedanceAmplifier(
        bandwidth_hz, 600e9, 5.0, 25e-15, 0.1, bandwidth_hz, 1.5, 0.4
    )


def engine():
    ring = MicroringModulator(
        guide=RibWaveguide(3.9, 280e-9, 0.9, 300.0, 3.4e6, 0.376e-6, 0.175, 7.25e6),
        junction=PNJunction(2e24, 2e24, 1.6, 220e-9, 1.3, 1.6e-3),
        heater=RingHeater(0.1446, 5e-5, 0.5, 0.6, 1.5e-3),
        radius_m=6e-6,
        gap_m=150e-9,
        drive_v=1.8,
        bias_v=0.2,
        detuning=0.9,
        wavelength_m=1.31e-6,
        junction_fraction=0.75,
        pad_f=20e-15,
        insertion_db=0.5,
    )
    return ModulatedPort(
        host=serdes(2.3),
        trace=Trace(4.0, 0.7),
        retimer=None,
        driver=CapacitiveDriver(70e9, 0.7, 2.0, 8.2e-18, 15.0, 20e-15),
        source=LaserSource(
            laser=laser(0.28),
            lanes_per_laser=4.0,
            excess_db=1.5,
            driver_efficiency=0.85,
            external=True,
        ),
        modulator=ring,
        photodiode=Photodiode(0.9, 50e-9, 15e-15, 60e9, 2.0),
        tia=tia(45e9),
        housekeeping=Housekeeping(0.3, 0.9),
        footprint=nominal.footprint(),
        lanes=8.0,
        launch_dbm=-40.0,
        coupler_in_db=1.2,
        coupler_out_db=1.2,
        coupler_receive_db=1.2,
    )


def pluggable():
    return ModulatedPort(
        host=serdes(4.5),
        trace=Trace(16.0, 0.7),
        retimer=Dsp(serdes(5.5, 34.0), 2.5e-12, -6.0),
        driver=TerminatedDriver(65e9, 1.5, 2.0, 8.2e-18, 50.0, 100.0),
        source=LaserSource(
            laser=laser(0.2),
            lanes_per_laser=4.0,
            excess_db=0.3,
            driver_efficiency=0.85,
            external=False,
        ),
        modulator=MachZehnderModulator(2.5, 6.0, 4.0, 55e9, 5e-3, 1.31e-6),
        photodiode=Photodiode(0.9, 50e-9, 25e-15, 55e9, 2.5),
        tia=tia(50e9),
        housekeeping=Housekeeping(0.5, 0.88),
        footprint=nominal.footprint(),
        lanes=8.0,
        launch_dbm=0.0,
        coupler_in_db=1.2,
        coupler_out_db=1.5,
        coupler_receive_db=1.2,
    )


@pytest.fixture(scope="module")
def cluster():
    fec = Fec(2.26e-4, 1.0625, 0.2e-12, 60e-9)
    port = CopperPort(host=serdes(4.5), footprint=nominal.footprint(), lanes=36.0)

    def optical(a, b):
        return nominal.optical_link(a, b, fec=fec)

    copper = CopperLink(
        end_a=port,
        path=TwinaxPath(7.5, 15.0, 3e-4, 1.4, 1.5),
        end_b=port,
        fec=fec,
        rate_bps=7.2e12,
        reserve_db=1.0,
        residual_db=25.0,
        pam=4,
    )
    return Cluster(
        accelerator=Accelerator(
            4.5e15, 7.7e12, 180e9, 0.92, 0.7, 0.8, 1.5, 38e-6, 1e-3, 350.0,
            0.12e-12, 36e-12, 1000.0, 33.0,
        ),
        scale_up=SwitchedDomain(
            copper, SwitchBox(200.0, 130.0, 4.0, 3e-7), 72.0, 1.2, 25e-6, 0.65, 0.75
        ),
        scale_out=FatTree(
            optical(engine(), pluggable()), optical(engine(), engine()),
            SwitchBox(1600.0, 518.0, 72.0, 6e-7), Nic(35.0, 3.6, 7e-7),
            3.0, 1.0, 2.0, 128.0, 50.0, 500.0, 8e-6, 0.9,
        ),
        host=Host(150.0, 20.0),
        facility=Facility(0.95, 0.97, 0.08),
        nominal=Climate(328.15, 308.15, 0.0),
        worst=Climate(343.15, 323.15, 1.0),
        accelerators=9216.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def decode():
    model = DenseDecoder(16384.0, 53248.0, 126.0, 128.0, 8.0, 128.0, 128256.0)
    return Decode(
        model, Layout(8.0, 9.0, 128.0), 8.0, 9.0, 8192.0, 1024.0, 8704.0, 1.0, 1.0, 2.0
    )


def ring_space(cluster, bandwidth=(20e9, 90e9)):
    return DesignSpace.of(
        cluster,
        where=[HOST_A, SWITCH_A, SWITCH_B],
        parameters={
            "modulator.radius": (4e-6, 12e-6),
            "modulator.gap": (100e-9, 300e-9),
            "modulator.drive": (0.6, 2.5),
            "modulator.detuning": DETUNING,
            "source.laser.current": (0.04, 0.8),
            "tia.bandwidth": bandwidth,
        },
    )


@pytest.fixture(scope="module")
def solution(cluster, decode):
    return optimise(
        cluster, decode, ring_space(cluster), Objective({"fold": 0.2}), starts=8
    )


def test_packing_then_unpacking_leaves_a_cluster_as_it_was(cluster):
    space = ring_space(cluster)
    again = space.unpack(space.pack(cluster), cluster)
    for path in [p for v in space.variables for p in v.paths]:
        before, after = getter(path)(cluster), getter(path)(again)
        assert float(after) == pytest.approx(float(before), rel=1e-12)


def test_u_runs_from_the_low_to_the_high_of_a_range_and_log_variables_by_ratio(cluster):
    space = ring_space(cluster)
    ends = [space.values(jnp.full(6, u)) for u in (0.0, 0.5, 1.0)]
    gap = [e["modulator.gap"] for e in ends]
    assert gap == pytest.approx([1e-7, 1e-7 * 3**0.5, 3e-7], rel=1e-12)
    assert [e["modulator.detuning"] for e in ends] == pytest.approx([-2.5, 0, 2.5])


def test_both_signs_of_the_detuning_get_the_same_number_of_starts(cluster):
    space = ring_space(cluster)
    branch, low, high, first, own = spread(space, np.asarray(space.pack(cluster)), 8, 0)
    assert np.bincount(branch).tolist() == [8, 8]
    assert ((low <= first) & (first <= high)).all()
    assert first[own] == pytest.approx(np.asarray(space.pack(cluster)))


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"modulator.gop": (1e-7, 2e-7)}, r"end_a\.modulator\.gop.*modulator\.gap"),
        (
            {"modulator.gap": (1e-9, 2e-7)},
            r"leaves \[8e-08, 4e-07\] m",
        ),
        ({"modulator.gap": (2e-7, 1e-7)}, "empty"),
    ],
)
def test_a_range_outside_the_model_or_a_wrong_name_says_what_is_allowed(
    cluster, parameters, message
):
    with pytest.raises(ValueError, match=message):
        DesignSpace.of(cluster, [SWITCH_A], parameters)


def test_every_feasible_start_is_a_kkt_point_with_its_limits_met(solution):
    got = solution.starts["feasible"]
    assert solution.feasible and got.mean() > 0.8
    assert solution.starts["kkt"][got].max() <= 1e-5
    assert solution.starts["slack"][got].min() >= -1e-6
    assert solution.agreement["agreeing"] >= 0.9
    assert solution.report.j_per_token < solution.baseline.j_per_token
    assert solution.relax == {}


def test_the_blue_side_wins_and_the_error_rate_is_what_binds(solution):
    assert solution.branches[solution.branch]["box"]["modulator.detuning"][0] > 0
    active = [c for c in solution.constraints if c["multiplier"] > 1e-9]
    assert active and all(c["name"].endswith(".ber") for c in active)
    assert [c["slack"] for c in active] == pytest.approx([0] * len(active), abs=1e-6)


def test_a_multiplier_is_what_a_tighter_limit_costs(cluster, decode, solution):
    # Central difference of the re-optimised J/token in the least BER slack.
    space, d = ring_space(cluster), 1e-3
    j = [
        optimise(
            cluster, decode, space, Objective({"fold": 0.2, "ber": b}), starts=8
        ).report.j_per_token
        for b in (d, -d)
    ]
    # All BER limits move together.
    active = sum(c["multiplier"] for c in solution.constraints if ".ber" in c["name"])
    assert active == pytest.approx(float(j[0] - j[1]) / (2 * d), rel=1e-3)


def compilations():
    programs = [f for family in FAMILIES.values() for f in family.programs]
    return len(programs), len(PROGRAMS), sqp.update._cache_size()  # type: ignore


def test_other_limits_other_cards_and_other_bounds_do_not_compile_again(
    cluster, decode, solution
):
    before = compilations()
    other = replace(cluster, {f"{HOST_B}.tia.bandwidth_hz": 52e9})
    space = ring_space(other, bandwidth=(25e9, 80e9))
    optimise(other, decode, space, Objective(), starts=8, seed=3, iterations=10)
    assert compilations() == before


def test_an_impossible_limit_is_named(cluster, decode, solution):
    hard = Objective({"ber": 1.5})
    found = optimise(cluster, decode, ring_space(cluster), hard, starts=8)
    assert not found.feasible
    assert any(name.endswith(".ber") for name in found.relax)


def test_a_keyboard_interrupt_leaves_with_the_best_so_far(cluster, decode, solution):
    def stop(progress):
        if progress.iteration >= 20:
            raise KeyboardInterrupt

    found = optimise(
        cluster, decode, ring_space(cluster), starts=8, chunk=10, callback=stop
    )
    assert found.trace["iteration"].tolist() == [10, 20]


def test_a_solved_current_meets_its_limit_and_a_dark_link_says_by_how_much(cluster):
    driven, drives = set_drive(cluster)
    assert [d.binding for d in drives] == ["ber", "launch", "ber", "ber"]
    assert all(d.reachable and d.solved and not d.ceiling for d in drives)

    dark = replace(cluster, {"scale_out.switch_link.path.connectors_db": 30.0})
    _, (drive,) = set_drive(dark, ends=[SWITCH_A])
    assert not drive.reachable and not drive.ceiling
    less = {"scale_out.switch_link.path.connectors_db": 30.0 - drive.shortfall_db}
    _, (drive,) = set_drive(replace(cluster, less), ends=[SWITCH_A])
    assert drive.slack == pytest.approx(0, abs=1e-6)


def test_noise_that_scales_with_light_is_a_ceiling_no_laser_can_pass(cluster):
    loud = replace(cluster, {f"{SWITCH_A}.source.laser.rin_per_hz": 1e-13})
    _, (drive,) = set_drive(loud, ends=[SWITCH_A])
    assert drive.ceiling and not drive.reachable
    assert drive.limiting == "rin"
    assert drive.shortfall_db > 0


@pytest.mark.slow
def test_elasticities_are_derivatives_of_the_solved_problem(cluster, decode):
    driven, drives = set_drive(cluster)
    found = elasticities(driven, decode, drives=drives)
    for drive in drives:
        assert abs(found.values[drive.path]) < 1e-12
    for path, step in (
        (f"{HOST_A}.modulator.gap_m", 1e-3),
        (f"{HOST_A}.coupler_out_db", 1e-3),
        (f"{HOST_B}.tia.bandwidth_hz", 1e-3),
        ("worst.coolant_k", 1e-4),
        ("workload.microbatch", 1e-3),
    ):
        inside = path.removeprefix("workload.")
        tree = decode if path != inside else driven
        x = float(getter(inside)(tree))
        h = step * x

        def log_j(y, tree=tree, inside=inside):
            moved = replace(tree, {inside: y})
            c, w = (driven, moved) if tree is decode else (moved, decode)
            return float(jnp.log(evaluate(set_drive(c)[0], w).j_per_token))

        fd = 8 * (log_j(x + h) - log_j(x - h)) - (log_j(x + 2 * h) - log_j(x - 2 * h))
        fd = fd / (12 * h) * (x if found.relative[path] else 1)
        assert found.values[path] == pytest.approx(fd, rel=1e-5, abs=1e-9)


def test_limits_that_are_always_equal_share_their_multiplier(cluster, solution):
    """Both ends of the switch link are searched as one; either may move alone."""
    prices = solution.lagrangian
    forward = [n for n in prices if "switch_link.a_to_b" in n]
    assert forward, [*prices]
    for name in forward:
        assert prices[name] == prices[name.replace("a_to_b", "b_to_a")] > 0


@pytest.mark.slow
def test_elasticities_of_an_optimum_vanish_for_its_interior_variables(
    cluster, decode, solution
):
    found = elasticities(solution.cluster, decode, solution.lagrangian)
    interior = ("modulator.gap", "source.laser.current", "modulator.detuning")
    for v in ring_space(cluster).variables:
        if v.name not in interior:
            continue
        total = sum(found.values[path] for path in v.paths)
        assert abs(total) < 1e-6
