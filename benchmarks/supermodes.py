r"""Splitting of two parallel silicon guides by a full-vector mode solver.

The constants of the guide cards come from here: the index difference of the even and
odd TE supermode of two guides a gap apart is solved on a 10 nm grid and fitted as
$\Delta n_0 e^{-\gamma g}$ over gaps of 100 to 260 nm. Edges fall on grid
points; solved once with the edge cell inside and once outside, and averaged.

Needs the `oracle` extra (tidy3d, whose mode solver runs locally).

Sellmeier silicon: Li 1980, doi:10.1063/1.555624; silica: Malitson 1965,
doi:10.1364/JOSA.55.001205.
"""

import numpy as np


SECTIONS_UM = {
    "rib 400 x 220, slab 90, 1310 nm": (1.31, 0.40, 0.22, 0.09),
    "strip 350 x 220, 1310 nm": (1.31, 0.35, 0.22, 0.0),
    "strip 500 x 220, 1550 nm": (1.55, 0.50, 0.22, 0.0),
}
"""wavelength, width, height, slab"""
GAPS_UM = (0.10, 0.16, 0.22, 0.26)
GRID_UM = 0.01
EDGE_UM = 2e-6
"""moves an edge off its grid point, inward or outward"""


def rows() -> list[dict]:
    """One row a cross-section: splitting at zero gap, its decay, and their fit."""
    out = []
    for name, section in SECTIONS_UM.items():
        splits = [
            np.mean([_splitting(section, gap, edge) for edge in (-EDGE_UM, EDGE_UM)])
            for gap in GAPS_UM
        ]
        slope, level = np.polyfit(GAPS_UM, np.log(splits), 1)
        fitted = np.exp(level + slope * np.array(GAPS_UM))
        out.append(
            {
                "name": "supermodes",
                "case": name,
                "splitting": float(np.exp(level)),
                "decay_per_um": float(-slope),
                "worst_fit": float(np.max(abs(fitted / np.array(splits) - 1))),
            }
        )
    return out


def _index_silicon(um: float) -> float:
    pole = 8.10461e-3 * 1.1071**2 / (um**2 - 1.1071**2)
    return float(np.sqrt(11.6858 + 0.939816 / um**2 + pole))


def _index_silica(um: float) -> float:
    terms = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
    return float(np.sqrt(1 + sum(b * um**2 / (um**2 - c**2) for b, c in terms)))


def _splitting(section: tuple, gap_um: float, edge_um: float) -> float:
    """Index of the first minus the second TE mode of the pair."""
    import tidy3d as td
    from tidy3d.plugins.mode import ModeSolver

    wavelength, width, height, slab = section
    silicon = td.Medium(permittivity=_index_silicon(wavelength) ** 2)
    silica = td.Medium(permittivity=_index_silica(wavelength) ** 2)

    def block(centre_y, centre_z, size_y, size_z):
        size = (td.inf, size_y + edge_um, size_z + edge_um)
        box = td.Box(center=(0, centre_y, centre_z), size=size)
        return td.Structure(geometry=box, medium=silicon)

    offset = (gap_um + width) / 2
    guides = [block(side * offset, 0, width, height) for side in (-1, 1)]
    if slab:
        guides.append(block(0, (slab - height) / 2, td.inf, slab))
    window = [
        round(span / GRID_UM / 2) * 2 * GRID_UM
        for span in (2 * width + gap_um + 2.4, height + 1.6)
    ]
    simulation = td.Simulation(
        size=(0.1, *window),
        medium=silica,
        structures=guides,
        run_time=1e-12,
        grid_spec=td.GridSpec.uniform(GRID_UM),
        subpixel=False,
        boundary_spec=td.BoundarySpec.all_sides(td.Periodic()),
    )
    solver = ModeSolver(
        simulation=simulation,
        plane=td.Box(center=(0, 0, 0), size=(0, *window)),
        mode_spec=td.ModeSpec(
            num_modes=4, target_neff=_index_silicon(wavelength), precision="double"
        ),
        freqs=[td.C_0 / wavelength],
    )
    modes = solver.data_raw
    te = [
        float(modes.n_eff.values[0, i])
        for i in range(4)
        if np.sum(abs(modes.Ey.isel(mode_index=i).values) ** 2)
        > np.sum(abs(modes.Ez.isel(mode_index=i).values) ** 2)
    ]
    return te[0] - te[1]
