"""A result of plausible size: three variants, the last one searched.

All of it passes through the row classes of `result.schema`, which refuse unknown keys:
no test can show what no run writes.
"""

from typing import Any

from photonflow import causes
from photonflow.result.schema import (
    EndRow,
    HopRow,
    OriginRow,
    PublishedRow,
    Result,
    SourceRow,
    TierRow,
    VariantResult,
)


WATTS = {
    # vendor's: laser, driver, tuning, receiver, dsp, module SerDes, conversion; host
    "pluggable": (1.0, 2.4, 0.5, 1.3, 10.4, 3.6, 2.6, 7.2),
    "lpo": (1.0, 2.4, 0.5, 1.3, 0.0, 0.0, 0.7, 7.2),
    "cpo": (0.8, 1.8, 0.4, 1.4, 0.0, 0.0, 0.4, 3.7),
}
CARDS = {"pluggable": "dsp-dr8-1600g", "lpo": "lpo-dr8-1600g", "cpo": "cpo-ring-1600g"}
STEP_S = 22.4e-3
TOKENS = 9216.0


def end(name: str) -> EndRow:
    laser, driver, tuning, receiver, dsp, serdes, conversion, host = WATTS[name]
    power = dict.fromkeys(causes.LINK, 0.0) | {
        "laser": laser,
        "driver": driver,
        "tuning": tuning,
        "receiver": receiver,
        "dsp": dsp,
        "serdes_module": serdes,
        "power_conversion": conversion,
        "serdes_host": host,
        "fec": 0.3,
    }
    own = sum(power.values()) - host - 0.3
    return EndRow(
        power_w=power,
        boundary={c: "module" for c in causes.LINK}
        | {"serdes_host": "host", "fec": "host", "laser": "laser_source"},
        vendor_w={"nominal": own, "worst": own * 1.02},
        with_host_w={"nominal": own + host + 0.3, "worst": own * 1.02 + host + 0.3},
    )


def hop(name: str, kind: str, **changes: Any) -> HopRow:
    budget = {
        # As a file may have it: in the order of the alphabet and not of the light.
        "ageing": -1.0, "coupler_in": -1.5, "coupler_out": -1.2,
        "coupler_receive": -1.2, "laser": 13.7, "modulator_oma": -7.4, "path": -2.8,
        "source_excess": -0.3, "split": -3.0,
    }  # fmt: skip
    watts = sum(end(name).power_w.values())
    fields: dict[str, Any] = dict(
        name=kind,
        technology=CARDS[name],
        links_per_accelerator=0.5 if kind == "host_link" else 1.0,
        ends={"a": end(name), "b": end(name)},
        energy_j_per_bit=watts / 1.6e12,
        energy_per_delivered_bit_j=watts / 1.6e12 / 0.0012,
        power_w_per_port=watts,
        utilisation=0.0019 if kind == "host_link" else 0.0012,
        log10_ber=-5.0,
        margin_db=2.3,
        budget_db={"a_to_b": budget, "b_to_a": budget},
        noise_share={"a_to_b": {"thermal": 1.0}, "b_to_a": {"thermal": 1.0}},
        latency_s=6e-7,
        rate_bps=1.6e12,
    )
    return HopRow(**fields | changes)


def tier(name: str, hops: list[HopRow]) -> TierRow:
    power = end(name).power_w
    bits = {cause: watts / 1.6e12 for cause, watts in power.items()}
    return TierRow(
        technology=CARDS[name],
        hops=hops,
        energy_j_per_bit=sum(bits.values()),
        energy_per_delivered_bit_j=sum(bits.values()) / 0.00144,
        energy_by_cause_j_per_bit=bits,
        power_w_per_port=sum(power.values()),
        power_w_module_boundary=end(name).vendor_w["worst"],
        utilisation=0.00144,
        log10_ber=-5.0,
        margin_db=2.3,
        latency_s=6e-7,
        rate_bps=1.6e12,
        shoreline_bps_per_m=1e15,
        area_m2=1e-3,
        fit=100.0,
    )


def origin(low: float, high: float, estimate: bool = False) -> OriginRow:
    return OriginRow(
        card="ring-adc-200g",
        source="estimate" if estimate else "decea2019",
        kind="estimate" if estimate else "measured",
        estimate=estimate,
        low=low,
        high=high,
        ranged=True,
        spread=None,
        note="nobody has measured it" if estimate else None,
        level=None,
    )


def variant(name: str, searched: bool = False, **changes: Any) -> VariantResult:
    energy = dict.fromkeys(causes.ENERGY, 0.0) | {
        "compute.matmul": 0.02,
        "compute.hbm": 5.4,
        "compute.idle": 10.2,
        "facility.host": 5.0,
        "facility.storage": 1.5,
        "facility.conversion": 2.2,
        "facility.cooling": 2.0,
        "network.scale_up.serdes_host": 1.4,
        "network.scale_up.switch": 0.6,
        "network.scale_out.switch": 0.8,
        "network.scale_out.nic": 0.7,
    }
    for cause, watts in end(name).power_w.items():
        # 3 ends per accelerator, 9,216 tokens in a step of as many accelerators
        energy[f"network.scale_out.{cause}"] = 3 * watts * STEP_S
    times = dict.fromkeys(causes.TIME, 0.0) | {
        "matmul": 1e-3, "hbm": 9e-3, "launch": 5.4e-3, "scale_up": 5.61e-3,
        "scale_out": 0.09e-3, "bubble": 1.3e-3,
    }  # fmt: skip
    total, step = sum(energy.values()), sum(times.values())
    engine = "scale_out.switch_link.end_a"
    volts = {"channel": -20.4, "noise": 53.9, "swing": -10.5}
    copper = hop(
        "lpo",
        "link",
        technology="passive-dac",
        utilisation=0.04,
        budget_db={"a_to_b": volts, "b_to_a": volts},
    )
    fields = {
        "name": name,
        "workload": "decode",
        "status": "ok",
        "feasible": True,
        "accelerators": 9216,
        "layout": {"tensor": 8, "pipeline": 9, "data": 128},
        "j_per_token": total,
        "tokens_per_s": TOKENS / step,
        "tokens_per_s_per_mw": 1e6 / total,
        "step_time_s": step,
        "power_w": total * TOKENS / step,
        "energy_j_per_token": energy,
        "static_share": 0.79,
        "time_s": times,
        "links": {
            "scale_up": tier("lpo", [copper]),
            "scale_out": tier(
                name, [hop(name, "host_link"), hop(name, "switch_link", margin_db=3.7)]
            ),
        },
        "constraints": [
            {
                "name": f"worst.scale_out.switch_link.{way}.{limit}",
                "value": value,
                "limit": least,
                "unit": unit,
                "slack": slack,
                "multiplier": price if searched else None,
            }
            for way in ("a_to_b", "b_to_a")
            for limit, value, least, unit, slack, price in (
                ("ber", -3.646, -3.646, "log10", 0.0, -2.1e-3),
                ("fold", 4.6, 0.2, "1", 4.4, 0.0),
                ("junction", 0.7, 0.0, "1", 0.7, 0.0),
            )
        ],
        "design": {
            f"{engine}.modulator.gap_m": 1.5e-7,
            f"{engine}.modulator.drive_v": 2.5,
            "scale_out.host_link.end_b.modulator.drive_v": 2.5,
        }
        if searched
        else {},
        "baseline_j_per_token": total * 1.003 if searched else None,
        "baseline_design": {
            f"{engine}.modulator.gap_m": 2e-7,
            f"{engine}.modulator.drive_v": 1.2,
            "scale_out.host_link.end_b.modulator.drive_v": 2.5,
        }
        if searched
        else {},
        # Not searched, though its name below the end is that of one that was.
        "drives": [
            {
                "path": "scale_out.host_link.end_b.modulator.drive_v",
                "amps": 2.5,
                "binding": "launch",
                "reachable": True,
                "shortfall_db": None,
                "limiting": "thermal",
                "ceiling": False,
            }
        ]
        if searched
        else [],
        "slopes": {"scale_out.switch_link.path.connectors_db": 3e-4},
        "elasticities": {
            "workload.microbatch": -0.97,
            "accelerator.idle_w": 0.41,
            "host.host_w": 0.21,
            **{f"{engine}.part_{i}.watts_w": -0.001 * i for i in range(20)},
        },
        "provenance": {
            "host.host_w": origin(100.0, 300.0, estimate=True),
            f"{engine}.modulator.gap_m": origin(1e-7, 3e-7),
        },
        "ports": {
            "ends_per_host_port": 6.0,
            "module_bps": 1.6e12,
            "modules_per_accelerator": 3.0,
            "scale_out_bps_per_accelerator": 8e11,
            "modules_per_accelerator_at_one_port_each": 6.0,
            "note": "3 modules of 1.6T per accelerator. Vendors quote 6.",
        },
        "controlled_share": 0.0101 if searched else None,
        "search": {
            "status": "converged",
            "message": "converged: an optimum after 26 iterations",
            "iterations": 26,
            "evaluations": 400,
            "seconds": 2.5,
            "baseline_link_w": 34.0,
            "link_w": 32.5,
            "variables": {
                f"{engine}.{path}_{unit}": path
                for path, unit in (("modulator.gap", "m"), ("modulator.drive", "v"))
            },
            "starts": 128,
            "feasible_share": 0.97,
            "agreeing_share": 0.92,
            "kkt": 3e-7,
            "violation": 0.0,
            "branches": [
                {
                    "box": {
                        "modulator.gap": (1e-7, 3e-7),
                        "modulator.drive": (0.6, 2.5),
                        "modulator.detuning": (sign * 1.3 - 1.2, sign * 1.3 + 1.2),
                    },
                    "j_per_token": total * (1.0 if sign > 0 else 1.01),
                    "watts": 3.9,
                    "feasible_share": 0.97,
                    "agreeing_share": 0.92,
                    "won": sign > 0,
                }
                for sign in (1, -1)
            ],
            "bounds": [
                {
                    "name": "modulator.drive",
                    "bound": "high",
                    "value": 2.5,
                    "unit": "V",
                    "multiplier": -0.004,
                }
            ],
            "relax": {},
        }
        if searched
        else None,
        "estimates": [
            {
                "path": f"scale_out.{where}.end_a.host.energy_j_per_bit",
                "card": "serdes-224g-vsr",
                "value": 2.3e-12,
                "unit": "J/bit",
                "low": 2e-12,
                "high": 3e-12,
                "note": "no 224G figure was published with watts",
                "vendor_w": 0.0,
                "with_host_w": 7.4,
                "elasticity": 0.01,
            }
            for where in ("host_link", "switch_link")
        ],
    }
    return VariantResult.model_validate(fields | changes)


SOURCES = [
    SourceRow(
        key="decea2019",
        cite="de Cea, Atabaki & Ram <2019>",
        doi="10.1364/OE.27.024274",
        kind="measured",
        paths=["scale_out.switch_link.end_a.modulator.guide.loss_db_per_m"],
    )
]
PUBLISHED = [
    PublishedRow(
        id="cpo",
        technology="co-packaged rings",
        links=["cpo-ring-1600g"],
        boundary="vendor",
        rate_bps=8e11,
        low_w=4.5,
        high_w=5.0,
        source="decea2019",
        note="laser modules & their control",
    )
]
TRACE = [
    {
        "task": "decode.cpo",
        "iteration": 10 * i,
        # infinite in a search, null in a file: nothing feasible yet
        "best_link_w": None if i == 1 else 32.5 + 0.5**i,
        "best_j_per_token": None,
        "least_violation": 0.5**i,
        "kkt": 0.1**i,
        "running": 16 - 2 * i,
    }
    for i in range(1, 9)
]


def result(*variants: VariantResult, **changes: Any) -> Result:
    """Three variants, the last one searched, as `photonflow run` writes them."""
    three = [variant("pluggable"), variant("lpo"), variant("cpo", searched=True)]
    fields: dict[str, Any] = dict(
        experiment="cpo-vs-pluggable",
        title="Co-packaged against pluggable",
        objective="j_per_token",
        variants=list(variants) or three,
        sources=SOURCES,
        published=PUBLISHED,
        summary="cpo saves a lot.",
    )
    return Result(**fields | changes)


def changed(row: VariantResult, **changes: Any) -> VariantResult:
    """`row` with other values of fields that it has."""
    return VariantResult.model_validate(row.model_dump() | changes)


def failed(row: VariantResult) -> VariantResult:
    """`row` with everything null that may be."""
    nothing = dict.fromkeys(
        (
            "j_per_token", "tokens_per_s", "tokens_per_s_per_mw", "step_time_s",
            "power_w", "static_share", "baseline_j_per_token", "ports", "search",
            "controlled_share",
        )
    )  # fmt: skip
    empty: dict[str, Any] = {
        name: {}
        for name in (
            "links", "elasticities", "slopes", "design", "energy_j_per_token", "time_s"
        )
    }  # fmt: skip
    lists: dict[str, Any] = {"drives": [], "constraints": [], "estimates": []}
    status = {"status": "failed", "feasible": False, "message": "no <light>"}
    return changed(row, **status, **nothing, **empty, **lists)
