r"""Copper between two SerDes, hosts' own or those of retimers in the plugs of a cable.

The signal-to-noise ratio at the slicer is Salz's bound for an ideal decision-feedback
equaliser [1], at the high ratios where it is that of zero forcing, on the SerDes' input
noise,
$$ SNR = \exp\Big\langle \ln\frac{V_{pp}^2\,(M+1)/(12(M-1))}{N_0 B}\,|H(f)|^2
   \Big\rangle_{0..B}, $$
with $M$ levels over a swing of $V_{pp}$ (for PAM-6, whose outer levels are rarer, 1/10
of its square), one-sided noise density $N_0$, $B$ half the symbol rate and $H$ that of
transmitter, copper and receiver; joined with what the channel does not attenuate:
distortion and converter noise of both SerDes, residual ISI, crosstalk. Residual ISI,
an estimate, is most of the noise of the shipped links; input noise, to which the
receiver's own response should not add and the shape of a held symbol should (1.3 dB),
is 13 % at most. With 15 to 35 dB at the Nyquist frequency this is the regime
of the channel-operating-margin method of IEEE 802.3 annex 93A, simplified.

1. Salz 1973, doi:10.1002/j.1538-7305.1973.tb02023.x
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..component import Scalar, param
from ..devices.electronics import Dsp, Housekeeping, SerDes
from ..devices.passives import AbstractCopperPath
from ..devices.response import from_db, power, to_db
from ..signal import decision
from .base import (
    BER,
    AbstractLink,
    Conditions,
    Direction,
    LinkBudget,
    ber_slack,
    fec_to_fec,
)
from .fec import Fec
from .port import AbstractPort, Footprint, PortBudget


class AbstractCopperPort(AbstractPort):
    """One end of a copper link."""

    def budget(self, fec: Fec, rate_bps: Scalar) -> PortBudget:
        """Watts of this end, by cause; the copper itself burns nothing."""
        return self.port_budget(fec, rate_bps)


class CopperPort(AbstractCopperPort):
    """One end of passive copper: nothing but the host's SerDes."""

    host: SerDes
    footprint: Footprint
    lanes: Scalar = param(
        unit="1", doc="lanes, each way", low=1.0, high=256.0, whole=True
    )
    # The copper is the whole link.
    retimer: ClassVar[None] = None
    housekeeping: ClassVar[None] = None


class RetimedCopperPort(AbstractCopperPort):
    """One end of an active electrical cable: host, board, retimer in the plug.

    The retimer ends the host's channel: what that adds in errors is its
    `host_log10_ber`, whatever the board loses below what the host's SerDes is made
    for. Its line side drives the cable. A retimer that does not retime what it
    receives makes no cable.
    """

    host: SerDes
    retimer: Dsp
    housekeeping: Housekeeping
    footprint: Footprint
    lanes: Scalar = param(
        unit="1", doc="lanes, each way", low=1.0, high=256.0, whole=True
    )

    def __check_init__(self):
        if not self.retimer.receives:
            raise ValueError("`retimer` of a cable needs `receives: true`")


class CopperLink(AbstractLink):
    """Copper cable or board traces between two ends that equalise.

    Each direction is solved for itself; with retimers, BER adds up over the electrical
    segments. Left out: FFE and DFE of finite length (`residual`), return loss,
    temperature.
    """

    end_a: AbstractCopperPort
    path: AbstractCopperPath
    end_b: AbstractCopperPort
    fec: Fec
    rate_bps: Scalar = param(
        unit="bit/s", doc="payload of one direction", low=1e10, high=1e14
    )
    reserve_db: Scalar = param(
        unit="dB", doc="margin in SNR a design must keep", low=0.0, high=6.0
    )
    residual_db: Scalar = param(
        unit="dB", doc="signal to residual ISI and jitter", low=15.0, high=60.0
    )
    pam: decision.Pam = eqx.field(static=True)

    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""
        ends = (
            self.end_a.budget(self.fec, self.rate_bps),
            self.end_b.budget(self.fec, self.rate_bps),
        )
        there = self.direction(self.end_a, self.end_b, at)
        back = self.direction(self.end_b, self.end_a, at)
        return self.link_budget(at, ends, (there, back))

    def direction(
        self, tx: AbstractCopperPort, rx: AbstractCopperPort, at: Conditions
    ) -> Direction:
        """One direction at the slicer, and its electrical segments."""
        bits = decision.BITS[self.pam]
        symbol_hz = self.rate_bps * self.fec.overhead / (tx.lanes * bits)
        band_hz = symbol_hz / 2
        f = decision.nyquist_nodes_hz(symbol_hz)
        transmitter, receiver = tx.transmit_phy(), rx.receive_phy()
        channel = self.path.transfer(f, at.length_m)
        response = power(transmitter.transfer(f) * receiver.transfer(f) * channel)
        # A floor of -870 dB keeps the ratios of a dead cable finite.
        log_salz = jnp.sum(jnp.asarray(decision.WEIGHTS) * jnp.log(response))
        salz = jnp.exp(log_salz) + 1e-87
        sent_v2 = decision.mean_square(self.pam) * jnp.square(transmitter.swing_v)
        at_slicer_v2 = sent_v2 * salz
        noise = {
            "transmitter": from_db(-transmitter.transmit_snr_db),
            "phy_input": receiver.noise_v2_per_hz * band_hz / at_slicer_v2,
            "converter": from_db(-receiver.receive_snr_db),
            "crosstalk": jnp.square(self.path.crosstalk_v) / at_slicer_v2,
            "residual": from_db(-self.residual_db),
        }
        ratio = sum(noise.values(), start=jnp.zeros(()))
        segments = tx.transmit_segments() + rx.receive_segments()
        totals = [
            fec_to_fec(self._log10_ber(total), segments)
            for total in (ratio, ratio * from_db(self.reserve_db))
        ]
        limit = self._ratio_at(self.allowed_ber(tx, rx))
        return Direction(
            log10_ber=totals[0],
            log10_ber_reserve=totals[1],
            margin_db=to_db(limit / ratio),
            noise_share={name: part / ratio for name, part in noise.items()},
            budget_db={
                "swing": to_db(sent_v2),
                "channel": to_db(salz),
                "noise": -to_db(ratio * at_slicer_v2),
            },
            slacks={BER.name: ber_slack(totals[1], self.fec.threshold)},
        )

    def _log10_ber(self, ratio: Scalar) -> Scalar:
        """From noise over signal power at the slicer."""
        levels = decision.pam_levels(jnp.ones(()), jnp.zeros(()), self.pam)
        sigma = jnp.sqrt(ratio * decision.mean_square(self.pam))
        return decision.pam_log10_ber(levels, sigma * jnp.ones_like(levels))

    def _ratio_at(self, threshold: Scalar) -> Scalar:
        """Noise over signal that just meets an error rate: SER inverted."""
        sent = decision.LEVEL_SHARES[self.pam]
        per_tail = float(sum(sent[1:] + sent[:-1])) * decision.WRONG_BITS[self.pam]
        tail = threshold * decision.BITS[self.pam] / per_tail
        q = -decision.norm.ppf(tail)
        eye = 1 / (self.pam - 1)
        return jnp.square(eye / (2 * q)) / decision.mean_square(self.pam)
