"""What a mask needs and a `Component` does not say: widths, reaches, the grid.

Lengths are in micrometres here and in `cells`, as gdsfactory has them; photonflow's SI
numbers are multiplied by `UM` where they enter.
"""

import gdsfactory as gf


UM = 1e6
"""micrometres in a metre"""
GRID = 1e-3
"""mask grid, the database unit of the PDK"""

RIB = 0.4
"""width of the rib: card `rib-oband-400`, 400 x 220 nm"""
SLAB = 3.0
"""90 nm slab beside a rib, as in the PDK's cross-section `rib`"""
VIA_METAL = 2.7
"""least metal around a via of the PDK: 0.7 of via with 1.0 on each side"""

# Estimates: the generic PDK states none of these and no foundry's rules are public.
DOPED = 1.25
"""middle of the rib to the end of its light implant"""
CONTACT = 0.75
"""middle of the rib to the heavy implants"""
OFF_BUS = 0.3
"""implants keep this far off the bus"""
HEATER = 1.0
"""width of the heater and its leads"""
METAL_SPACE = 1.0
"""between first metal and the heater, which lie at one level"""
PAD = 25.0
"""bump of a stacked driver chip"""
PITCH = 80.0
"""ring to ring along the bus"""

EFFECTIVE_INDEX = 2.74
"""estimate: effective index method for 400 x 220 nm on a 90 nm slab at 1310 nm. No
figure of a link depends on it; it sets the mode number and the radius step of a row."""


def activate() -> None:
    """Make the generic PDK the active one; without it no cell can be built."""
    gf.gpdk.PDK.activate()


def snap(um: float) -> float:
    """Nearest point of the mask grid."""
    return round(um / GRID) * GRID
