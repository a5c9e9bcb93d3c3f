r"""Meshes of Mach-Zehnder cells, as closed forms in their size.

    inputs --[ V^dagger: N columns ]--[ Sigma: 1 column ]--[ U: N columns ]-- outputs

A cell is one phase shifter ahead of a coupler, one between the two couplers.
"""

from ..component import Component, Scalar, param
from ..limits import limit
from .converters import HoldConverter
from .shifters import AbstractPhaseShifter


PHASE_REACH = limit("reach", "volts of the converters left for a whole turn")


class SvdMesh(Component):
    r"""$M = U \Sigma V^\dagger$ on two Clements meshes and a column of attenuators.

    Any matrix over its largest singular value, N by N: each unitary takes N columns of
    cells and $N(N-1)$ phases [1], the singular values N attenuators with one phase
    each [2]. `size` N is a number of whole lanes that sets no array shape. Left out:
    unbalanced loss, phases that leak into neighbours, reflections; the simulated mesh
    is `compute.mesh`.

    1. Clements et al. 2016, arXiv:1603.08788
    2. Miller, Photonics Research 1, 1 (2013)
    """

    shifter: AbstractPhaseShifter
    converter: HoldConverter
    size: Scalar = param(
        unit="1", doc="inputs, and outputs", low=2.0, high=256.0, whole=True
    )
    coupler_db: Scalar = param(
        unit="dB", doc="excess loss of one coupler", low=0.0, high=0.5
    )
    propagation_db_per_m: Scalar = param(
        unit="dB/m", doc="loss of the guide", low=0.1, high=200.0
    )
    routing_m: Scalar = param(
        unit="m", doc="couplers and bends of one cell", low=1e-6, high=2e-3
    )
    pitch_m: Scalar = param(unit="m", doc="lane to lane", low=1e-6, high=1e-3)
    splitter_error: Scalar = param(
        unit="1", doc="rms error of a coupler's angle, rad", low=1e-4, high=0.1
    )

    def columns(self) -> Scalar:
        """Cells on every path, Sigma counted as one."""
        return 2 * self.size + 1

    def shifters(self) -> Scalar:
        """Phases: theta and phi of two unitaries, and one per singular value."""
        return 2 * self.size * (self.size - 1) + self.size

    def cell_m(self) -> Scalar:
        """Length of one column: two shifters in a row, couplers and bends."""
        return 2 * self.shifter.length_m + self.routing_m

    def column_db(self) -> Scalar:
        """Loss of one column."""
        guide_db = self.propagation_db_per_m * self.cell_m()
        return guide_db + 2 * self.coupler_db + 2 * self.shifter.insertion_db

    def loss_db(self) -> Scalar:
        """Loss of all columns; what Sigma takes away is apart."""
        return self.columns() * self.column_db()

    def length_m(self) -> Scalar:
        """Path of the light, to be folded where it exceeds a die."""
        return self.columns() * self.cell_m()

    def area_m2(self) -> Scalar:
        """Chip surface under the mesh."""
        return self.length_m() * self.size * self.pitch_m

    def holding_w(self) -> Scalar:
        """Power that holds all phases."""
        return self.shifters() * (self.shifter.hold_w() + self.converter.hold_w)

    def program_j(self) -> Scalar:
        """Energy that sets all phases anew."""
        return self.shifters() * (self.shifter.set_j() + self.converter.set_j)

    def slacks(self) -> dict[str, Scalar]:
        """`reach`: the converter has the volts for every phase of a turn."""
        return {PHASE_REACH.name: 1 - self.shifter.needed_v() / self.converter.swing_v}
