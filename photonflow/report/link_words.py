"""What is wrong with a link, and what would put it right, in one line."""

import math

from ..quantity import show
from .link import Diagnosis, LinkResult, Remedy
from .words import SLACKS


FIRST = ("fsr", "tuning_range", "swing")
"""limits that no light could meet: named before an error rate they spoil"""
LIGHT = ("ber", "launch")
AFTER = ("rollover", "junction", "fold", "heater")
"""limits of too much light"""
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


def told(value: float, unit: str) -> str:
    """A value as people of this field say it: noise per hertz in dB."""
    if unit == "1/Hz" and value > 0:
        return f"{10 * math.log10(value):.4g} dB/Hz"
    if unit == "K":
        return f"{value - 273.15:.4g} degC"
    return show(value, unit)


def main_slack(missed: list[str], reachable: bool) -> str:
    """The one of several missed limits of a direction that explains the others."""
    late = [*AFTER, *LIGHT] if reachable else [*LIGHT, *AFTER]
    order = [*FIRST, *late]
    return min(missed, key=lambda name: order.index(name) if name in order else 3.5)


def fault(
    slack: str, value: float, result: LinkResult, side: str, ceiling: bool
) -> str:
    """What is wrong, in words."""
    end = "end_a" if side == "a_to_b" else "end_b"
    drive = next((d for d in result.drives if d.path.startswith(end)), None)
    noises = result.noise_share[side]  # type: ignore[index]
    limiting = max(noises, key=lambda name: noises[name])
    if slack in LIGHT:
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
            words += f"; the limiting noise is {limiting} ({noises[limiting]:.0%})"
        else:
            words = f"the swing launched is {-10 * value:.2f} dB below what is asked"
        if drive is not None and not drive.reachable and not ceiling:
            words += f"; the laser gives most at {show(drive.amps, 'A')}"
        return words
    return {
        "fold": "the ring is bistable: the gain of its self-heating is "
        f"{1 - value:.3g}, at most 1 is stable",
        "heater": "resonance outside the tuning range: light shifts the ring "
        f"{1 - value:.3g} times as far as its heater holds, which cannot cool",
        "tuning_range": "resonance outside the tuning range of the ring",
        "fsr": "more wavelengths than the free spectral range holds",
        "rollover": "the laser works past its rollover: more current, less light",
        "junction": f"the laser's junction warms {1 - value:.3g} times as far above "
        "25 degC as allowed",
        "swing": f"the drive swings {1 - value:.3g} half-wave voltages, at most 1",
        "extinction": f"the extinction ratio is {-value:.3g} dB too small",
    }.get(slack, f"{SLACKS.get(slack, slack)}: slack {value:.3g}, met from 0")


def chosen(
    remedies: list[Remedy], settings: dict[str, str], limiting: str, ceiling: bool
) -> list[Remedy]:
    """At most two to name: what was set or makes the noise, and the smallest move."""
    names = MAKES.get(limiting, ()) if ceiling else ()
    own = [r for r in remedies if r.path in settings]
    own += [r for r in remedies if r.path.rsplit(".", 1)[-1] in names]
    return list(dict.fromkeys([*own[:1], *remedies[:1]]))


def cure(remedies: list[Remedy]) -> str:
    """What would do, in words."""
    if not remedies:
        return "no single number of the link, inside its range, would meet all limits"
    words = []
    for remedy in remedies:
        verb = "at most" if remedy.needed < remedy.value else "at least"
        beyond = "" if remedy.in_range else ", outside the range of its card"
        words.append(
            f"`{remedy.path}` {verb} {told(remedy.needed, remedy.unit)} "
            f"(now {told(remedy.value, remedy.unit)}{beyond})"
        )
    return " or ".join(words) + " would do"


def sentence(diagnosis: list[Diagnosis]) -> str | None:
    """The first line of all, for a message."""
    return diagnosis[0].text if diagnosis else None
