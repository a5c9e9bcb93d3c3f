"""A ring swept over 10^5 wavelengths: the closed form against a circuit solver.

The same add-drop ring, from gaps, radius and guide to the power at both ports: here as
`RingFilter` and the formulas of `rings`, there as a SAX circuit of two couplers and two
half circles, by both of its solvers. Both start from vacuum wavelengths and know the
same guide; powers, sum and gradients agree within 1e-6, or no time is taken. The
gradient is that of a weighted sum of both powers, with respect to gaps, radius, loss
and group index. float64, one process, hence the same threads; runs alternate;
compilation apart.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sax

import photonflow as pf
from photonflow.devices import rings
from photonflow.devices.filters import RingFilter


WAVELENGTHS = 100_000
REPEATS = 15
SOLVERS = ("klu", "filipsson_gunnar")
INDEX = 2.4  # effective index at the filter's own wavelength
UM = 1e6  # SAX counts in micrometres


def rows() -> list[dict]:
    """Value, and value and gradient, against either solver."""
    pf.enable_x64()
    ring: Any = pf.load("filter-drop-oband")
    guide = ring.guide
    x = (ring.gap_m, ring.drop_gap_m, ring.radius_m)
    x += (guide.scatter_db_per_m, guide.group_index)
    # Two orders of the ring, 12.5 nm apart.
    wavelength_m = float(ring.wavelength_m) + jnp.linspace(-12e-9, 12e-9, WAVELENGTHS)
    weight = jnp.asarray(np.random.default_rng(0).normal(size=(2, WAVELENGTHS)))
    sweeps = {"photonflow": _ours(ring)}
    sweeps |= {name: _theirs(ring, name) for name in SOLVERS}

    def value(sweep: Callable) -> Callable:
        return lambda x, wavelength_m: jnp.sum(weight * sweep(x, wavelength_m))

    out = []
    for case in ("value", "value and gradient"):
        built = {}
        for name, sweep in sweeps.items():
            function = sweep if case == "value" else jax.value_and_grad(value(sweep))
            began = time.perf_counter()
            compiled = jax.jit(function).lower(x, wavelength_m).compile()
            built[name] = (compiled, time.perf_counter() - began)
        first = {name: run(x, wavelength_m) for name, (run, _) in built.items()}
        for name in SOLVERS:
            jax.tree.map(_agree, first[name], first["photonflow"])
        seconds = {name: [] for name in built}
        for _ in range(REPEATS):
            for name, (compiled, _) in built.items():
                began = time.perf_counter()
                jax.block_until_ready(compiled(x, wavelength_m))
                seconds[name].append(time.perf_counter() - began)
        ours = seconds.pop("photonflow")
        for name, spent in seconds.items():
            out.append(
                {
                    "name": "sweep",
                    "case": f"{case}, {WAVELENGTHS} wavelengths",
                    "ours": min(ours),
                    "peer": f"sax {sax.__version__}, {name}",
                    "peer_value": min(spent),
                    "unit": "s",
                    "ratio": min(spent) / min(ours),
                    "ours_median": float(np.median(ours)),
                    "peer_median": float(np.median(spent)),
                    "median_ratio": float(np.median(spent) / np.median(ours)),
                    "ours_compile_s": built["photonflow"][1],
                    "peer_compile_s": built[name][1],
                    "conditions": f"float64, {REPEATS} alternating runs, "
                    f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
                    f"jax {jax.__version__}",
                }
            )
    return out


def _agree(theirs: Any, ours: Any) -> None:
    np.testing.assert_allclose(theirs, ours, rtol=1e-6)


def _ours(ring: RingFilter) -> Callable:
    """Power past the ring and into its drop, (2, wavelengths)."""

    def sweep(x: tuple, wavelength_m: Any) -> Any:
        gap_m, drop_gap_m, radius_m, scatter_db_per_m, group_index = x
        built = pf.component.replace(
            ring,
            {
                "gap_m": gap_m,
                "drop_gap_m": drop_gap_m,
                "radius_m": radius_m,
                "guide.scatter_db_per_m": scatter_db_per_m,
                "guide.group_index": group_index,
            },
        ).resonance()
        # Phase of a round trip, 2 pi L n(lambda) / lambda with a straight n(lambda).
        per_m = 1 / ring.wavelength_m
        cycles = INDEX * per_m + group_index * (1 / wavelength_m - per_m)
        phase = 2 * jnp.pi * rings.length_m(radius_m) * cycles
        port = (built.a, built.t1, built.t2)
        return jnp.stack([rings.through(phase, *port), rings.drop(phase, *port)])

    return sweep


def _theirs(ring: RingFilter, solver: Any) -> Callable:
    """The same from a netlist."""
    guide = ring.guide

    def arc(
        *, wl: Any = 1.31, length: Any = 10.0, loss: Any = 0.0, ng: Any = 4.0
    ) -> sax.SDict:
        return sax.models.straight(
            wl=wl,
            wl0=ring.wavelength_m * UM,
            neff=INDEX,
            ng=ng,
            length=length,
            loss_dB_cm=loss,
        )

    circuit, _ = sax.circuit(
        {
            "instances": {
                "near": "coupler",
                "far": "coupler",
                "left": "arc",
                "right": "arc",
            },
            "connections": {
                "near,out1": "right,in0",
                "right,out0": "far,in1",
                "far,out1": "left,in0",
                "left,out0": "near,in1",
            },
            "ports": {"in": "near,in0", "through": "near,out0", "drop": "far,out0"},
        },
        {"coupler": sax.models.coupler_ideal, "arc": arc},
        backend=solver,
    )

    def sweep(x: tuple, wavelength_m: Any) -> Any:
        gap_m, drop_gap_m, radius_m, scatter_db_per_m, group_index = x
        coupled = [
            jnp.square(
                jnp.sin(
                    rings.coupling_angle(
                        radius_m,
                        gap,
                        ring.wavelength_m,
                        guide.splitting,
                        guide.splitting_decay_per_m,
                    )
                )
            )
            for gap in (gap_m, drop_gap_m)
        ]
        bend = guide.bend_db_per_m * jnp.exp(-radius_m / guide.bend_decay_m)
        half = {
            "length": jnp.pi * radius_m * UM,
            "loss": (scatter_db_per_m + bend) / 100,
            "ng": group_index,
        }
        s = circuit(
            wl=wavelength_m * UM,
            near={"coupling": coupled[0]},
            far={"coupling": coupled[1]},
            left=half,
            right=half,
        )
        fields = jnp.stack([s["in", "through"], s["in", "drop"]])
        return jnp.square(fields.real) + jnp.square(fields.imag)

    return sweep
