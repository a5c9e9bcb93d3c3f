"""An add-drop ring over 10^5 wavelengths, in closed form and as a SAX circuit.

Four parameters: radius, loss and the two couplings. The peer is a netlist of two ideal
couplers and two half rings, solved by SAX with its `klu` and `filipsson_gunnar`
backends. Both sides give the dropped power at every wavelength, to 1e-9 alike, and the
gradient of its mean in the four parameters. float64, one process, alternating runs,
compilation apart.
"""

import os
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sax

import photonflow as pf
from photonflow.devices import rings


WAVELENGTHS = 100_000
REPEATS = 15
BACKENDS = ("klu", "filipsson_gunnar")
INDEX, GROUP_INDEX, CENTRE_UM = 2.4, 4.2, 1.31
NETLIST = {
    "instances": {"top": "coupler", "left": "half", "right": "half", "low": "coupler"},
    "connections": {
        "top,out1": "right,in0",
        "right,out0": "low,in1",
        "low,out1": "left,in0",
        "left,out0": "top,in1",
    },
    "ports": {
        "in": "top,in0",
        "through": "top,out0",
        "drop": "low,out0",
        "add": "low,in0",
    },
}


def rows() -> list[dict]:
    """Value, and value with gradient, against both backends."""
    pf.enable_x64()
    wl_um = jnp.linspace(1.30, 1.32, WAVELENGTHS)
    at = jnp.array([5.0, 300.0, 0.05, 0.04])  # um, dB/m, and two power couplings
    peers = {backend: _peer(backend) for backend in BACKENDS}
    for drop in peers.values():
        np.testing.assert_allclose(drop(at, wl_um), ours(at, wl_um), rtol=1e-9)

    out = []
    for case, wrap in (("value", lambda f: f), ("value and gradient", _slope)):
        functions = {"ours": ours} | peers
        built = {n: _compiled(wrap(f), at, wl_um) for n, f in functions.items()}
        seconds: dict[str, list[float]] = {name: [] for name in built}
        for _ in range(REPEATS):
            for name, (run, _) in built.items():
                began = time.perf_counter()
                jax.block_until_ready(run())
                seconds[name].append(time.perf_counter() - began)
        mine = seconds["ours"]
        for peer in BACKENDS:
            theirs = seconds[peer]
            out.append(
                {
                    "name": "ring_sweep",
                    "case": f"{case}, {WAVELENGTHS} wavelengths",
                    "ours": min(mine),
                    "peer": f"sax {peer}",
                    "peer_value": min(theirs),
                    "unit": "s",
                    "ratio": min(theirs) / min(mine),
                    "median_ratio": float(np.median(theirs) / np.median(mine)),
                    "compile_s": built["ours"][1],
                    "peer_compile_s": built[peer][1],
                    "conditions": f"float64, minimum of {REPEATS} alternating runs, "
                    f"{os.cpu_count()} cores, sax {sax.__version__}",
                }
            )
    return out


def ours(at: Any, wl_um: Any) -> Any:
    """Dropped power."""
    radius_um, loss_db_per_m, top, low = at
    length_um = rings.length_m(radius_um)
    a = 10.0 ** (-loss_db_per_m * length_um * 1e-6 / 20)
    phase = _phase(wl_um, length_um)
    return rings.drop(phase, a, jnp.sqrt(1 - top), jnp.sqrt(1 - low))


def _phase(wl_um: Any, length_um: Any) -> Any:
    """Of a guide with a straight dispersion."""
    slope = (INDEX - GROUP_INDEX) / CENTRE_UM
    return 2 * jnp.pi * (INDEX + slope * (wl_um - CENTRE_UM)) * length_um / wl_um


def _peer(backend: str) -> Any:
    def half(wl: Any = CENTRE_UM, radius: Any = 5.0, loss: Any = 300.0) -> Any:
        length = rings.length_m(radius) / 2
        amplitude = 10.0 ** (-loss * length * 1e-6 / 20)
        through = amplitude * jnp.exp(1j * _phase(wl, length))
        return sax.reciprocal({("in0", "out0"): through})

    circuit, _ = sax.circuit(
        netlist=NETLIST,
        models={"coupler": _coupler, "half": half},
        backend=backend,
    )

    def drop(at: Any, wl_um: Any) -> Any:
        guide = {"radius": at[0], "loss": at[1]}
        s = circuit(
            wl=wl_um,
            top={"coupling": at[2]},
            low={"coupling": at[3]},
            left=guide,
            right=guide,
        )
        amplitude = s["in", "drop"]
        return jnp.square(amplitude.real) + jnp.square(amplitude.imag)

    return drop


def _coupler(wl: Any = CENTRE_UM, coupling: Any = 0.1) -> Any:
    kept = jnp.sqrt(1 - coupling) * jnp.ones_like(wl)
    crossed = 1j * jnp.sqrt(coupling) * jnp.ones_like(wl)
    return sax.reciprocal(
        {
            ("in0", "out0"): kept,
            ("in0", "out1"): crossed,
            ("in1", "out0"): crossed,
            ("in1", "out1"): kept,
        }
    )


def _slope(drop: Any) -> Any:
    return jax.value_and_grad(lambda at, wl_um: jnp.mean(drop(at, wl_um)))


def _compiled(function: Any, *arguments: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    return lambda: compiled(*arguments), time.perf_counter() - began
