"""The file `result.json`, schema `photonflow.result/1`. Fields are only ever added.

What does not exist is null: never NaN, infinity or -1. Causes sum to J/token and
exposed times to the step within 1e-9, and the model refuses a result in which they do
not.
"""

import math
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from .. import causes
from .row import Maybe, Number, Row
from .search_schema import SearchRow, YieldRow


SCHEMA = "photonflow.result/1"
MODULE_BPS = 1.6e12
"""payload of the module that ports are counted in"""
RTOL = 1e-9


class EndRow(Row):
    """One end of a link, full duplex."""

    power_w: dict[str, Number] = Field(description="at nominal, by cause")
    boundary: dict[str, str] = Field(description="cause -> box that pays it")
    vendor_w: dict[Literal["nominal", "worst"], Number] = Field(
        description="module or engine with its laser, no host"
    )
    with_host_w: dict[Literal["nominal", "worst"], Number] = Field(
        description="the same with the host's PHY and FEC"
    )


class LinkRow(Row):
    """What a link is wherever it is."""

    name: str
    technology: str = Field(description="link card")
    ends: dict[Literal["a", "b"], EndRow]
    energy_j_per_bit: Number = Field(description="at full load")
    power_w_per_port: Number
    log10_ber: Number = Field(description="before FEC, worst corner, worse direction")
    margin_db: Number
    budget_db: dict[str, dict[str, Number]] = Field(
        description="direction -> waterfall: a power in dBm, then changes in dB"
    )
    noise_share: dict[str, dict[str, Number]] = Field(
        description="direction -> share of each noise in the variance"
    )
    latency_s: Number
    rate_bps: Number
    shoreline_bps_per_m: Maybe = Field(
        None, description="payload of one direction over edge, of the wider end"
    )
    area_m2: Maybe = Field(None, description="of both ends")
    fit: Maybe = Field(None, description="failures of the link in 1e9 hours, nominal")


class HopRow(LinkRow):
    """One kind of link of a tier."""

    links_per_accelerator: Number
    energy_per_delivered_bit_j: Maybe = Field(description="at its utilisation")
    utilisation: Number


class TierRow(Row):
    """A tier of the network: worst BER and margin, mean watts per port of its hops."""

    technology: str
    hops: list[HopRow]
    energy_j_per_bit: Number = Field(description="at full load")
    energy_per_delivered_bit_j: Maybe = Field(description="at its utilisation")
    energy_by_cause_j_per_bit: dict[str, Number] = Field(description="at full load")
    power_w_per_port: Number
    power_w_module_boundary: Number = Field(
        description="per port at the worst corner, host excluded"
    )
    utilisation: Number
    log10_ber: Number
    margin_db: Number
    latency_s: Number = Field(description="of the slowest hop, one way")
    rate_bps: Number = Field(description="payload of one direction, slowest hop")
    shoreline_bps_per_m: Maybe = Field(None, description="least of its hops")
    area_m2: Maybe = Field(None, description="of a port, mean over ports")
    fit: Maybe = Field(None, description="failures of a port in 1e9 hours, mean")

    @model_validator(mode="after")
    def _sums(self) -> "TierRow":
        adds_up(self.energy_by_cause_j_per_bit, self.energy_j_per_bit, "a bit")
        return self


class ConstraintRow(Row):
    """One limit of a design."""

    name: str
    value: Number
    limit: Number
    unit: str
    slack: Number = Field(description="met where >= 0")
    multiplier: Maybe = Field(None, description="d(J/token)/d(limit)")


class LaserDriveRow(Row):
    """A laser current that was solved for at the worst corner."""

    path: str
    amps: Number
    binding: str = Field(description="what set it")
    reachable: bool
    shortfall_db: Maybe
    limiting: str | None = Field(description="largest noise")
    ceiling: bool = Field(description="whether no amount of light would do")


class PortsRow(Row):
    """How many modules the scale-out tier takes."""

    ends_per_host_port: Number
    module_bps: Number
    modules_per_accelerator: Number
    scale_out_bps_per_accelerator: Number
    modules_per_accelerator_at_one_port_each: Number
    note: str


class EstimateRow(Row):
    """A number that is a stated judgement, with the watts that rest on it."""

    path: str
    card: str
    value: Number
    unit: str
    low: Number
    high: Number
    note: str | None
    vendor_w: Number = Field(
        description="dW/dln p of the link end it is in, worst corner, host excluded"
    )
    with_host_w: Number = Field(description="the same with the host's PHY and FEC")
    elasticity: Maybe = Field(description="d ln(J/token) / d ln p")


class MatrixUnitRow(Row):
    """The optical matrix unit of one accelerator, at full load."""

    technology: str = Field(description="card")
    products: str = Field(description="kind of product that it takes")
    snr_db: Number = Field(description="signal over noise of a product's output")
    weight_snr_db: Number = Field(description="of errors of the matrix alone")
    additive_snr_db: Number = Field(description="of what is new with every vector")
    effective_bits: Number
    noise: dict[str, Number] = Field(description="cause -> variance over the signal's")
    energy_j_per_mac: dict[str, Number] = Field(description="by cause, nothing idle")
    flop_per_s: Number = Field(description="reached, reloads included")
    peak_flop_per_s: Number
    flop_per_j: Number
    busy: Number = Field(description="part of the step in which it works")
    laser_w: Number = Field(description="light of one mesh")
    insertion_db: Number = Field(description="source to detector")
    path_m: Number = Field(description="of light through one mesh")
    area_m2: Number = Field(description="of all meshes of one accelerator")


class PublishedRow(Row):
    """Watts that are published for a kind of link; a claim, and part of no model."""

    id: str
    technology: str
    links: list[str] = Field(description="cards of links of this kind")
    boundary: Literal["vendor"] = Field(
        description="one end: module or engine with its laser, no host"
    )
    rate_bps: Number = Field(description="payload that the watts are published for")
    low_w: Number
    high_w: Number
    source: str = Field(description="key of the source")
    note: str = Field(description="what a difference may come from")

    def watts(self, rate_bps: float) -> tuple[float, float]:
        """Least and most, scaled to another payload."""
        scale = rate_bps / self.rate_bps
        return self.low_w * scale, self.high_w * scale


class OriginRow(Row):
    """Where one number of a cluster comes from, and how sure it is. Values are SI."""

    card: str
    source: str
    kind: str
    estimate: bool
    low: Number
    high: Number = Field(
        description="what the part spans; without a range in its card, where the model "
        "is valid"
    )
    ranged: bool = Field(description="whether the card states that range")
    spread: Maybe = Field(description="one standard deviation")
    note: str | None
    level: str | None = Field(None, description="`part` or `module`")


class SourceRow(Row):
    """A citation, and what rests on it."""

    key: str
    cite: str
    url: str | None = None
    doi: str | None = None
    kind: str
    level: str | None = None
    note: str | None = None
    paths: list[str] = Field(description="of the numbers taken from it")


class VariantResult(Row):
    """One variant with one workload."""

    name: str
    workload: str
    point: dict[str, str] | None = Field(
        None, description="of the sweep: key -> value, as the file has it"
    )
    status: Literal["ok", "infeasible", "failed"]
    feasible: bool
    message: str | None = Field(None, description="why not, in one sentence")
    accelerators: int
    layout: dict[Literal["tensor", "pipeline", "data"], int]
    j_per_token: Maybe
    j_per_token_interval: tuple[Number, Number] | None = None
    tokens_per_s: Maybe
    tokens_per_s_per_mw: Maybe
    step_time_s: Maybe = Field(description="for decode also the time per output token")
    power_w: Maybe = Field(description="at the facility meter")
    energy_j_per_token: dict[str, Number] = Field(description="area.cause -> J")
    static_share: Maybe = Field(description="part that burns without any work")
    time_s: dict[str, Number] = Field(description="cause -> exposed seconds of a step")
    links: dict[str, TierRow] = Field(description="by tier")
    matrix_unit: MatrixUnitRow | None = None
    constraints: list[ConstraintRow]
    design: dict[str, Number] = Field(
        description="path -> SI value that was decided; parts that were chosen are in "
        "`search.branches`"
    )
    baseline_j_per_token: Maybe = Field(None, description="before the search")
    baseline_design: dict[str, Number] = Field(
        {}, description="`design` before the search; empty without one"
    )
    elasticities: dict[str, Number] = Field(description="d ln(J/token) / d ln p")
    slopes: dict[str, Number] = Field(
        {}, description="d ln(J/token) / dp where p is in dB or may be 0"
    )
    provenance: dict[str, OriginRow]
    ports: PortsRow | None = None
    controlled_share: Maybe = Field(
        None, description="part of J/token in the ends that the free parameters are in"
    )
    drives: list[LaserDriveRow] = []
    estimates: list[EstimateRow] = []
    search: SearchRow | None = None
    fabrication: YieldRow | None = Field(
        None, description="where the experiment asks for a yield"
    )

    @model_validator(mode="after")
    def _sums(self) -> "VariantResult":
        if self.j_per_token is not None:
            adds_up(self.energy_j_per_token, self.j_per_token, "a token")
            _names(self.energy_j_per_token, causes.ENERGY)
        if self.step_time_s is not None:
            adds_up(self.time_s, self.step_time_s, "a step")
            _names(self.time_s, causes.TIME)
        return self


class Result(Row):
    """Everything that came out of an experiment."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_: Literal["photonflow.result/1"] = Field(SCHEMA, alias="schema")
    experiment: str
    title: str | None = None
    objective: str
    boundary: Literal["facility"] = "facility"
    variants: list[VariantResult]
    sources: list[SourceRow] = []
    published: list[PublishedRow] = Field(
        [], description="watts that vendors publish for links of these variants"
    )
    summary: str | None = Field(None, description="what was found, in one sentence")

    def plain(self) -> dict[str, Any]:
        """The result as what `json` writes."""
        return self.model_dump(mode="json", by_alias=True)


def adds_up(parts: dict[str, float], total: float, what: str) -> None:
    """Raise unless `parts` sum to `total` within `RTOL`."""
    added = math.fsum(parts.values())
    if abs(added - total) > RTOL * abs(total):
        raise ValueError(f"the causes of {what} sum to {added!r} and not to {total!r}")


def _names(parts: dict[str, float], names: tuple[str, ...]) -> None:
    if tuple(parts) != names:
        odd = sorted(set(parts) ^ set(names)) or "another order"
        raise ValueError(f"causes differ from `photonflow.causes`: {odd}")
