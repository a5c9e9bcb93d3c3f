r"""Passive copper between two SerDes.

The signal-to-noise ratio at the slicer is Salz's bound for an ideal decision-feedback
equaliser on the SerDes' input noise,
$$ SNR = \exp\Big\langle \ln\frac{S_{pp}\,(M+1)/(12(M-1))}{N_0 B}\,|H(f)|^2
   \Big\rangle_{0..B}, $$
joined with what the channel does not attenuate: distortion and converter noise of both
SerDes, residual ISI, crosstalk. With 20 to 40 dB at the Nyquist frequency this is the
regime of the channel-operating-margin method of IEEE 802.3 annex 93A, simplified.

1. Salz 1973, doi:10.1002/j.1538-7305.1973.tb02023.x
"""

import equinox as eqx
import jax.numpy as jnp

from ..component import Component, Scalar, param
from ..devices.electronics import REFERENCE_HZ, SerDes
from ..devices.passives import TwinaxPath
from ..devices.response import from_db, power, to_db
from ..units import LN10
from . import signal
from .base import (
    AbstractLink,
    Conditions,
    Direction,
    LinkBudget,
    PortBudget,
    ber_slack,
    by_cause,
)
from .fec import Fec


class CopperPort(Component):
    """One end of a passive cable: nothing but the host's SerDes."""

    host: SerDes
    lanes: Scalar = param(unit="1", doc="lanes, each way", low=1.0, high=256.0)

    def budget(self, fec: Fec, rate_bps: Scalar) -> PortBudget:
        """Watts of this end, by cause; the cable itself burns nothing."""
        static_w = by_cause(
            serdes_host=rate_bps * self.host.energy_j_per_bit,
            fec=rate_bps * fec.energy_j_per_bit,
        )
        box = dict.fromkeys(static_w, "module") | {"serdes_host": "host", "fec": "host"}
        return PortBudget(static_w, by_cause(), tuple(box.items()))


class CopperLink(AbstractLink):
    """Direct-attach copper: both ends equalise, nothing in between is powered.

    Left out: FFE and DFE of finite length (`residual`), return loss, temperature.
    """

    end_a: CopperPort
    path: TwinaxPath
    end_b: CopperPort
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
    pam: int = eqx.field(static=True)

    def budget(self, at: Conditions) -> LinkBudget:
        """Error rate, margin, latency and watts under `at`."""
        line_bps = self.rate_bps * self.fec.overhead
        chips = (self.end_a.host, self.end_b.host)
        electronics = sum((c.latency_s for c in chips), start=jnp.zeros(())) / 2
        flight = self.path.latency_s(at.length_m)
        return LinkBudget(
            rate_bps=self.rate_bps,
            line_rate_bps=line_bps,
            latency_s=electronics + self.fec.latency_s + flight,
            end_a=self.end_a.budget(self.fec, self.rate_bps),
            end_b=self.end_b.budget(self.fec, self.rate_bps),
            a_to_b=self.direction(self.end_a, self.end_b, at),
            b_to_a=self.direction(self.end_b, self.end_a, at),
        )

    def direction(self, tx: CopperPort, rx: CopperPort, at: Conditions) -> Direction:
        """One direction at the slicer."""
        bits = signal.BITS[self.pam]
        symbol_hz = self.rate_bps * self.fec.overhead / (tx.lanes * bits)
        band_hz = symbol_hz / 2
        f = signal.nyquist_nodes_hz(symbol_hz)
        loss_db = self.path.loss_db(at.length_m) * jnp.sqrt(f / REFERENCE_HZ)
        fronts = power(tx.host.transfer(f) * rx.host.transfer(f))
        log_channel = jnp.log(fronts) - loss_db * (LN10 / 10)
        # A floor of -870 dB keeps the ratios of a dead cable finite.
        log_salz = jnp.sum(jnp.asarray(signal.WEIGHTS) * log_channel)
        salz = jnp.exp(log_salz) + 1e-87
        sent_v2 = signal.mean_square(self.pam) * jnp.square(tx.host.swing_v)
        at_slicer_v2 = sent_v2 * salz
        noise = {
            "transmitter": from_db(-tx.host.transmit_snr_db),
            "phy_input": rx.host.noise_v2_per_hz * band_hz / at_slicer_v2,
            "converter": from_db(-rx.host.receive_snr_db),
            "crosstalk": jnp.square(self.path.crosstalk_v) / at_slicer_v2,
            "residual": from_db(-self.residual_db),
        }
        ratio = sum(noise.values(), start=jnp.zeros(()))
        log10_ber = self._log10_ber(ratio)
        reserve = self._log10_ber(ratio * from_db(self.reserve_db))
        return Direction(
            log10_ber=log10_ber,
            log10_ber_reserve=reserve,
            margin_db=to_db(self._ratio_at_threshold() / ratio),
            noise_share={name: part / ratio for name, part in noise.items()},
            budget_db={
                "swing": to_db(sent_v2),
                "channel": to_db(salz),
                "noise": -to_db(ratio * at_slicer_v2),
            },
            slacks={"ber": ber_slack(reserve, self.fec.threshold)},
        )

    def _log10_ber(self, ratio: Scalar) -> Scalar:
        """From noise over signal power at the slicer."""
        levels = signal.pam_levels(jnp.ones(()), jnp.zeros(()), self.pam)
        sigma = jnp.sqrt(ratio * signal.mean_square(self.pam))
        return signal.pam_log10_ber(levels, sigma * jnp.ones_like(levels))

    def _ratio_at_threshold(self) -> Scalar:
        """Noise over signal that just meets the FEC threshold: SER inverted."""
        sent = signal.LEVEL_SHARES[self.pam]
        per_tail = float(sum(sent[1:] + sent[:-1])) * signal.WRONG_BITS[self.pam]
        tail = self.fec.threshold * signal.BITS[self.pam] / per_tail
        q = -signal.norm.ppf(tail)
        eye = 1 / (self.pam - 1)
        return jnp.square(eye / (2 * q)) / signal.mean_square(self.pam)
