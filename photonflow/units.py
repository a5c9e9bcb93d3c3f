"""Physical constants and the names of units: the floor of the ladder.

Inside the package every number is an SI float and the unit is the end of its name.
`SUFFIX` is the one place that says how a unit is spelled at the end of a name, so
`radius` with unit `m` is `radius_m` in Python and JSON and `radius` in YAML.

Constants are the exact or recommended values of CODATA 2018,
https://physics.nist.gov/cuu/Constants/.
"""

import math


PLANCK_J_S = 6.62607015e-34
LIGHT_M_PER_S = 299792458.0
CHARGE_C = 1.602176634e-19
BOLTZMANN_J_PER_K = 1.380649e-23
VACUUM_F_PER_M = 8.8541878128e-12
ZERO_CELSIUS_K = 273.15

LN10 = math.log(10.0)

# Unit as `param` writes it -> the end of the Python name. "1" is a pure number.
SUFFIX = {
    "1": "",
    "m": "m",
    "m^2": "m2",
    "1/m": "per_m",
    "1/m^3": "per_m3",
    "s": "s",
    "s/m^3": "s_per_m3",
    "1/s": "per_s",
    "Hz": "hz",
    "1/Hz": "per_hz",
    "V": "v",
    "V*m": "v_m",
    "V^2/Hz": "v2_per_hz",
    "Hz/A^0.5": "hz_per_root_a",
    "A": "a",
    "F": "f",
    "F/m": "f_per_m",
    "ohm": "ohm",
    "ohm*m": "ohm_m",
    "W": "w",
    "W/A": "w_per_a",
    "A/W": "a_per_w",
    "K": "k",
    "1/K": "per_k",
    "K/W": "k_per_w",
    "K*m/W": "k_m_per_w",
    "J": "j",
    "J/bit": "j_per_bit",
    "J/byte": "j_per_byte",
    "J/FLOP": "j_per_flop",
    "bit/s": "bps",
    "byte": "byte",
    "byte/s": "byte_per_s",
    "FLOP/s": "flop_per_s",
    "dB": "db",
    "dB/m": "db_per_m",
    "dBm": "dbm",
    "FIT": "fit",
}


def stem(name: str, unit: str) -> str:
    """YAML name of a Python field: `('gap_m', 'm')` gives `gap`."""
    suffix = SUFFIX[unit]
    if not suffix:
        return name
    if not name.endswith("_" + suffix):
        raise ValueError(f"`{name}` should end in `_{suffix}`, the suffix of {unit}")
    return name[: -len(suffix) - 1]
