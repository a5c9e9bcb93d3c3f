"""What is wrong with a link, and what would put it right, in one line."""

import math

from ..causes import DirectionName
from ..quantity import show
from ..result.link_schema import Diagnosis, LinkResult, RepairRow
from .labels import limit, noise_name


DIFFERENCE_K = 200.0
"""No part of a link works below: a range that goes there is of differences."""
MAKES = {
    "rin": ("rin", "partition"),
    "transmitter": ("transmit_snr",),
    "driver": ("noise",),
    "phy_input": ("noise",),
    "converter": ("receive_snr",),
    "thermal": ("noise_factor", "gain_bandwidth"),
    "residual": ("residual",),
    "crosstalk": ("crosstalk",),
}
"""noise -> names of the numbers that make it"""


def told(value: float, unit: str, least: float = DIFFERENCE_K) -> str:
    """A value as people of this field say it: noise per hertz in dB.

    `least` is the low end of its range, which tells a temperature from a difference.
    """
    if unit == "1/Hz" and value > 0:
        return f"{10 * math.log10(value):.4g} dB/Hz"
    if unit == "K" and least >= DIFFERENCE_K:
        return f"{value - 273.15:.4g} degC"
    return show(value, unit)


def main_slack(missed: list[str], reachable: bool) -> str:
    """The one of several missed limits of a direction that explains the others.

    What no light could meet explains an error rate that it spoils; a laser that has to
    give too much explains its heat, and one that cannot give enough does not.
    """
    kinds = [None, "less", "more"] if reachable else [None, "more", "less"]

    def place(name: str) -> tuple[int, float]:
        found = limit(name)
        return kinds.index(found.light), float(found.order)

    return min(missed, key=place)


def fault(
    slack: str, value: float, result: LinkResult, side: DirectionName, ceiling: bool
) -> str:
    """What is wrong, in words."""
    end = "end_a" if side == "a_to_b" else "end_b"
    drive = next((d for d in result.drives if d.path.startswith(end)), None)
    noises = result.noise_share[side]
    limiting = max(noises, key=lambda name: noises[name])
    if slack == "ber":
        # The slack is half the log of the ratio of the two exponents.
        now = result.log10_ber_limit * math.exp(2 * value)
        words = (
            f"error rate 10^{now:.2f} before FEC at the required margin of "
            f"{result.reserve_db:g} dB, 10^{result.log10_ber_limit:.2f} allowed"
        )
        if ceiling:
            words += "; no amount of light would do"
        elif drive is not None and drive.shortfall_db:
            words += f"; {drive.shortfall_db:.2f} dB of light are missing"
        share = f"{noises[limiting]:.0%} of all"
        words += f"; the limiting noise is {noise_name(limiting)} ({share})"
    else:
        words = limit(slack).explanation(value)
    short = slack in ("ber", "launch") and drive is not None and not drive.reachable
    if short and not ceiling:
        words += f"; the laser gives most at {show(drive.amps, 'A')}"
    return words


def chosen(
    repairs: list[RepairRow], settings: dict[str, str], limiting: str, ceiling: bool
) -> list[RepairRow]:
    """At most two to name: what was set or makes the noise, and the smallest move."""
    names = MAKES.get(limiting, ()) if ceiling else ()
    own = [r for r in repairs if r.path in settings]
    own += [r for r in repairs if r.path.rsplit(".", 1)[-1] in names]
    return list(dict.fromkeys([*own[:1], *repairs[:1]]))


def cure(repairs: list[RepairRow]) -> str:
    """What would do, in words."""
    if not repairs:
        return "no single number of the link, inside its range, would meet all limits"
    words = []
    for repair in repairs:
        verb = "at most" if repair.needed < repair.value else "at least"
        beyond = "" if repair.in_range else ", outside the range of its card"
        words.append(
            f"`{repair.path}` {verb} {told(repair.needed, repair.unit, repair.low)} "
            f"(now {told(repair.value, repair.unit, repair.low)}{beyond})"
        )
    return " or ".join(words) + " would do"


def sentence(diagnosis: list[Diagnosis]) -> str | None:
    """The first line of all, for a message."""
    return diagnosis[0].text if diagnosis else None
