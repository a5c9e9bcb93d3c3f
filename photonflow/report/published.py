"""What vendors publish for 1.6 Tbit/s, held beside the sum of sourced parts.

Claims, shown and never used in a model: no card is raised to close a gap.
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..result.schema import VariantResult


class Claim(NamedTuple):
    """Watts of one end at the vendor's boundary, and why ours may differ."""

    low_w: float
    high_w: float
    text: str
    candidates: str


CLAIMS = {
    "dsp": Claim(
        25.0,
        30.0,
        "published 25–30 W",
        "DSP energy (7.5 to 10 pJ/bit reported), 200G driver watts, a specified launch "
        "above the drafts",
    ),
    "lpo": Claim(
        16.0,
        18.0,
        "published 16–18 W",
        "200G drivers and TIAs of 2 to 3 times the estimated watts, analogue "
        "equalisers and monitors not modelled; the figure doubles 800G modules of 100G "
        "lanes",
    ),
    "cpo": Claim(
        9.0,
        9.0,
        "published 9 W",
        "engine electronics without a public source (retiming would add 1.8 to 4 W), "
        "laser modules of about 2 W a port with their control, and whether the 9 W "
        "belong to 1.6T or 800G",
    ),
}
"""by the first word of the link card"""

NOTE = (
    "Published figures are claims of vendors and the trade press at the vendor's "
    "boundary: 1.6T DSP modules 25–30 W (Cignal AI and Marvell, Electronic Design), "
    "LPO 8–9 W per 800G, doubled (axiomupgrades.com), ring CPO about 9 W (NVIDIA, Hot "
    "Chips 2025, press reports: the assignment to 1.6T rests on them)."
)


def gaps(variant: VariantResult) -> Iterator[str]:
    """One line for the switch link of a variant: ours, published, candidates."""
    if "scale_out" not in variant.links:
        return
    for hop in variant.links["scale_out"].hops:
        claim = CLAIMS.get(hop.technology.split("-")[0])
        if claim is None or hop.name != "switch_link":
            continue
        ours = hop.ends["a"].vendor_w["worst"]
        if claim.low_w <= ours <= claim.high_w:
            yield f"{variant.name}: {ours:.1f} W per end, {claim.text}: inside"
            continue
        gap_w = ours - (claim.low_w if ours < claim.low_w else claim.high_w)
        yield (
            f"{variant.name}: {ours:.1f} W per end, {claim.text}: {gap_w:+.1f} W. "
            f"Candidates: {claim.candidates}"
        )
