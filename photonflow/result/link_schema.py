"""What one link is: the document of `photonflow link --json`."""

from typing import Literal

from pydantic import Field, model_validator

from ..causes import ClimateName, DirectionName
from .schema import EndRow, LaserDriveRow, LinkRow, Maybe, Number, Row, adds_up


SCHEMA = "photonflow.link/1"


class LinkHopRow(LinkRow):
    """A `hops` entry of a result; what only a cluster has is null."""

    links_per_accelerator: None = None
    utilisation: None = None
    energy_per_delivered_bit_j: None = None


class RepairRow(Row):
    """A number that would meet the limit if it alone moved, the laser solved anew."""

    path: str = Field(description="as `--set` takes it")
    value: Number
    needed: Number
    unit: str
    low: Number
    high: Number
    in_range: bool = Field(description="of its card; else of the model's validity")


class DiagnosisRow(Row):
    """A limit that is missed, and what would meet it."""

    direction: DirectionName
    climate: ClimateName
    slack: str
    value: Number = Field(description="met where >= 0")
    limiting: str = Field(description="largest noise of this direction")
    ceiling: bool = Field(description="whether no amount of light would do")
    repairs: list[RepairRow] = Field(description="smallest move first")
    text: str = Field(description="one line")


class CurveRow(Row):
    """Error rate of one direction behind more or less loss, worst corner."""

    loss_db: list[Number] = Field(description="added")
    log10_ber: list[Number]


class CountRow(Row):
    """Wrong bits of a simulation in time, behind some more loss."""

    loss_db: Number
    errors: int
    bits: int
    low: Number = Field(description="Wilson's interval of the error rate at 95 %")
    high: Number


class CountedRow(Row):
    """The direction with less margin as it was simulated, at the worst corner."""

    direction: DirectionName
    counts: list[CountRow] = Field(description="as it works first, then behind loss")


class DirectionRow(Row):
    """One direction at the worst corner."""

    log10_ber: Number = Field(description="before FEC")
    margin_db: Number


class LinkResult(Row):
    """One link: an entry of `links` of result.json, its budget and its limits."""

    schema_: str = Field(SCHEMA, alias="schema")
    technology: str = Field(description="link card")
    about: str
    settings: dict[str, str] = Field(description="`--set`, as they came")
    feasible: bool
    message: str | None = Field(None, description="why not, in one line")
    diagnosis: list[DiagnosisRow]
    hops: list[LinkHopRow]
    energy_j_per_bit: Number = Field(description="at full load, nominal, with host")
    energy_per_delivered_bit_j: None = None
    energy_by_cause_j_per_bit: dict[str, Number]
    power_w_per_port: Number = Field(description="mean of both ends, with host")
    power_w_module_boundary: Number = Field(
        description="mean of both ends at the worst corner, host excluded"
    )
    utilisation: None = None
    log10_ber: Number = Field(description="before FEC, worst corner, worse direction")
    margin_db: Number
    directions: dict[DirectionName, DirectionRow]
    latency_s: Number
    rate_bps: Number
    line_rate_bps: Number
    log10_ber_limit: Number = Field(description="threshold of the FEC")
    reserve_db: Number = Field(description="margin that it must keep")
    conditions: dict[ClimateName, dict[str, Number]]
    budget_db: dict[DirectionName, dict[str, Number]] = Field(
        description="waterfall: a power in dBm (copper: dB over 1 V^2), then dB"
    )
    noise_share: dict[DirectionName, dict[str, Number]]
    ends: dict[Literal["a", "b"], EndRow]
    slacks: dict[ClimateName, dict[DirectionName, dict[str, Number]]] = Field(
        description="met where >= 0"
    )
    drives: list[LaserDriveRow] = Field(
        description="laser currents that were solved for"
    )
    ber_curve: dict[DirectionName, CurveRow]
    counted: CountedRow | None = Field(
        None, description="null where no pictures were drawn, and for copper"
    )
    shortfall_db: Maybe = Field(
        None,
        description="of the worse end; null where met, or out of reach of any light",
    )

    @model_validator(mode="after")
    def _sums(self) -> "LinkResult":
        adds_up(self.energy_by_cause_j_per_bit, self.energy_j_per_bit, "a bit")
        return self
