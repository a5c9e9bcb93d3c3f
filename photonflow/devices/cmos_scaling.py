r"""Energy of the same circuit in the next CMOS node.

At constant speed the foundry promises 30 % less power from 7 to 5 nm and 25 to 30 %
from 5 to 3 nm, for logic [1]. Analogue circuits are held by noise and by voltages that
no longer fall: that they save a third of what logic does is an estimate. A circuit of
digital share $d$ scales by $d\,s_d + (1-d)\,s_a$ a step; the share is that of the older
node and is carried along. Left out: redesign, which is most of what a new generation
saves.

1. TSMC, pages on the 5 nm and 3 nm technologies, 2019 and 2020
"""

STEPS = {(7, 5): 0.70, (5, 3): 0.725}
"""(from, to) in nm -> energy of the same logic at the same speed"""
ANALOGUE = 1 / 3
"""share of the saving of logic that analogue circuits see"""
NODES_NM = (7, 5, 3)


def energy_ratio(from_nm: int, to_nm: int, digital: float) -> float:
    """Energy in node `to_nm` over `from_nm`; `digital` is the share in the older.

    >>> round(energy_ratio(7, 5, digital=1.0), 3)
    0.7
    """
    first, last = NODES_NM.index(from_nm), NODES_NM.index(to_nm)
    if first > last:
        raise ValueError(f"`from_nm` = {from_nm} must be the older node, not {to_nm}")
    logic, analogue = digital, 1 - digital
    for step in zip(NODES_NM[first:last], NODES_NM[first + 1 : last + 1], strict=True):
        saving = 1 - STEPS[step]
        logic *= 1 - saving
        analogue *= 1 - ANALOGUE * saving
    return logic + analogue
