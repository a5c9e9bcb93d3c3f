"""Eye diagrams and error-rate curves of one lane, drawn from plain arrays and rows."""

from typing import TYPE_CHECKING

import numpy as np

from .drawing import canvas, headline


if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..timedomain.montecarlo import Counted, Waveforms

FINE = 4
"""points drawn for every sample: a trace between samples is band-limited"""
ROWS = 220
LEVEL, THRESHOLD = "#0072B2", "#D55E00"


def eye_figure(name: str, shown: "Waveforms", counted: "Counted") -> "Figure":
    """Two symbols of signal, before and after the equaliser, without and with noise."""
    figure, axes = canvas(7.6, 2, 2, sharex=True)
    pam = len(shown.levels)
    headline(
        figure,
        f"{name}: {error_rate(counted)}, PAM-{pam} at {shown.symbol_hz / 1e9:.6g} GBd. "
        "Darker: the signal is there more often",
    )
    panels = (
        ("before the equaliser, no noise: neighbours add up", shown.converter_clean),
        ("behind it, no noise", shown.equalised_clean),
        ("before the equaliser, all noise", shown.converter),
        ("behind it, all noise: what is decided", shown.equalised),
    )
    scale_ua = shown.swing_a * 1e6
    for place, (ax, (title, trace)) in enumerate(zip(axes, panels, strict=True)):
        _density(ax, trace * scale_ua, shown.oversampling)
        ax.set_title(title, loc="left", size=10)
        ax.axvline(0.0, color="#737373", lw=0.7, ls=":")
        if place % 2:
            _marks(ax, shown, scale_ua, legend=place == 1)
            ax.yaxis.set_label_position("right")
            ax.set_ylabel("at the slicer, scaled to photocurrent, µA", size=9)
        else:
            ax.set_ylabel("photocurrent around its middle, µA", size=9)
        if place >= 2:
            ps = 1e12 / shown.symbol_hz
            ax.set_xlabel(f"time, symbols of {ps:.2f} ps (0: sampled)", size=9)
    # What is compared is drawn to one scale.
    for column in (axes[0::2], axes[1::2]):
        low = min(ax.get_ylim()[0] for ax in column)
        high = max(ax.get_ylim()[1] for ax in column)
        for ax in column:
            ax.set_ylim(low, high)
    return figure


def error_rate(counted: "Counted") -> str:
    """An error rate with its interval, for people."""
    bits = f"{counted.bits:.1e} bits"
    if not counted.errors:
        return f"no wrong bit in {bits}, BER below {counted.high:.1e}"
    return (
        f"BER {counted.ber:.1e} ({counted.low:.1e} to {counted.high:.1e} at 95 %: "
        f"{counted.errors} wrong of {bits})"
    )


def _density(ax: "Axes", trace: np.ndarray, oversampling: int) -> None:
    """How often the signal is where, two symbols wide."""
    from matplotlib import colormaps
    from matplotlib.colors import PowerNorm

    fine = oversampling * FINE
    smooth = FINE * np.fft.irfft(np.fft.rfft(trace), FINE * len(trace))
    low, high = smooth.min(), smooth.max()
    margin = 0.06 * (high - low)
    edges = np.linspace(low - margin, high + margin, ROWS + 1)
    row = ((smooth - edges[0]) / (edges[1] - edges[0])).astype(int)
    column = np.arange(len(smooth)) % fine
    counts = np.bincount(row * fine + column, minlength=ROWS * fine)
    # Columns from one symbol before to one after each symbol, ends included.
    counts = counts.reshape(ROWS, fine)[:, np.arange(-fine, fine + 1) % fine]
    shades = colormaps["magma_r"]
    ax.set_facecolor(shades(0))
    ax.imshow(
        counts, origin="lower", aspect="auto", cmap=shades,
        extent=(-1, 1, edges[0], edges[-1]), norm=PowerNorm(0.4),
        interpolation="bilinear",
    )  # fmt: skip
    ax.grid(False)


def _marks(ax: "Axes", shown: "Waveforms", scale_ua: float, legend: bool) -> None:
    """Levels on the left, thresholds right across."""
    for place, level in enumerate(shown.levels):
        ax.plot([-1, -0.86], [level * scale_ua] * 2, color=LEVEL, lw=2)
        ax.annotate(
            str(place), (-1, level * scale_ua), (-3, 0), textcoords="offset points",
            ha="right", va="center", size=8, color=LEVEL, weight="bold",
        )  # fmt: skip
    for threshold in shown.thresholds:
        ax.axhline(threshold * scale_ua, color=THRESHOLD, lw=0.9, ls="--")
    ax.yaxis.tick_right()
    ax.spines["left"].set_visible(False)
    if not legend:
        return
    handles = [
        ax.plot([], [], color=LEVEL, lw=2, label="mean of a level")[0],
        ax.plot([], [], color=THRESHOLD, lw=0.9, ls="--", label="threshold")[0],
    ]
    ax.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.02, 0.99), ncols=2,
        fontsize=8, frameon=False, borderaxespad=0.0, handlelength=1.6,
    )  # fmt: skip
