"""Clusters and workloads of plausible size for tests, on the links of `nominal`."""

from typing import Any

import jax.numpy as jnp

import nominal
from photonflow.cluster.architecture import DenseDecoder
from photonflow.cluster.facility import Facility, Host
from photonflow.cluster.parallelism import Layout
from photonflow.cluster.prefill import Prefill
from photonflow.cluster.step import Cluster
from photonflow.cluster.topology import (
    Climate,
    FatTree,
    Line,
    Nic,
    SwitchBox,
    SwitchedDomain,
)
from photonflow.cluster.training import Training
from photonflow.cluster.workload import Decode, Workload
from photonflow.compute.accelerator import Accelerator


def scale_out(family: str, **changes: Any) -> FatTree:
    """Three tiers of 72-port switches of 1.6 Tbit/s, two accelerators a port."""
    host_link, switch_link = nominal.links_of(family)
    values: dict[str, Any] = dict(
        host_link=host_link,
        switch_link=switch_link,
        switch=SwitchBox(
            power_w=1600.0, included_phy_w=518.0, ports=72.0, latency_s=6e-7
        ),
        nic=Nic(power_w=35.0, included_phy_w=3.6, latency_s=7e-7),
        tiers=3.0,
        oversubscription=1.0,
        accelerators_per_port=2.0,
        rail=128.0,
        host_length_m=50.0,
        switch_length_m=500.0,
        message_s=8e-6,
        efficiency=0.9,
    )
    return FatTree(**values | changes)


def scale_up(**changes: Any) -> SwitchedDomain:
    """72 accelerators of 7.2 Tbit/s each, 1.2 m of copper."""
    values: dict[str, Any] = dict(
        link=nominal.copper_link(),
        switch=SwitchBox(
            power_w=200.0, included_phy_w=130.0, ports=4.0, latency_s=3e-7
        ),
        domain=72.0,
        length_m=1.2,
        floor_s=25e-6,
        floor_exponent=0.65,
        efficiency=0.75,
    )
    return SwitchedDomain(**values | changes)


def accelerator(**changes: Any) -> Accelerator:
    """4.5 PFLOP/s, 7.7 TB/s, 180 GB, 350 W idle of which 33 W is scale-up PHY."""
    values: dict[str, Any] = dict(
        peak_flop_per_s=4.5e15,
        bandwidth_byte_per_s=7.7e12,
        memory_byte=180e9,
        usable=0.92,
        flop_efficiency=0.7,
        stream_efficiency=0.8,
        overlap=1.5,
        layer_s=38e-6,
        step_s=1e-3,
        idle_w=350.0,
        operation_j_per_flop=0.12e-12,
        fetch_j_per_byte=36e-12,
        limit_w=1000.0,
        included_phy_w=33.0,
    )
    return Accelerator(**values | changes)


def cluster(family: str, **changes: Any) -> Cluster:
    """9,216 accelerators."""
    values: dict[str, Any] = dict(
        accelerator=accelerator(),
        scale_up=scale_up(),
        scale_out=scale_out(family),
        host=Host(host_w=150.0, storage_w=20.0),
        facility=Facility(grid_efficiency=0.95, rack_efficiency=0.97, cooling=0.08),
        nominal=Climate(case_k=328.15, coolant_k=308.15, ageing_db=0.0),
        worst=Climate(case_k=343.15, coolant_k=323.15, ageing_db=1.0),
        accelerators=9216.0,
    )
    return Cluster(**values | changes)


def copper_cluster(**changes: Any) -> Cluster:
    """The same with copper in both tiers, which compiles in seconds."""
    tree = scale_out(
        "pluggable",
        host_link=nominal.copper_link(rate_bps=1.6e12),
        switch_link=nominal.copper_link(rate_bps=1.6e12),
        host_length_m=1.2,
        switch_length_m=1.2,
    )
    return cluster("pluggable", **{"scale_out": tree} | changes)


def decoder_405b() -> DenseDecoder:
    """Llama 3.1 405B, as its config.json has it."""
    return DenseDecoder(
        hidden=16384.0,
        feed_forward=53248.0,
        layers=126.0,
        heads=128.0,
        kv_heads=8.0,
        head_size=128.0,
        vocabulary=128256.0,
    )


def decode(**changes: Any) -> Decode:
    """128 replicas of 8 x 9 accelerators, 72 sequences each, 8k prompts, FP8."""
    values: dict[str, Any] = dict(
        model=decoder_405b(),
        layout=Layout(tensor=8.0, pipeline=9.0, data=128.0),
        microbatch=8.0,
        microbatches=9.0,
        prompt=8192.0,
        output=1024.0,
        context=8704.0,
        weight_byte=1.0,
        kv_byte=1.0,
        activation_byte=2.0,
    )
    return Decode(**values | changes)


def training(**changes: Any) -> Training:
    """The same layout: 128 replicas of 16 sequences of 8k, BF16, 18 bytes of state."""
    values: dict[str, Any] = dict(
        model=decoder_405b(),
        layout=Layout(tensor=8.0, pipeline=9.0, data=128.0),
        microbatch=1.0,
        microbatches=16.0,
        sequence=8192.0,
        weight_byte=2.0,
        gradient_byte=2.0,
        activation_byte=2.0,
        state_byte=18.0,
    )
    return Training(**values | changes)


def prefill(**changes: Any) -> Prefill:
    """The same layout again, one prompt of 2k per microbatch, FP8."""
    values: dict[str, Any] = dict(
        model=decoder_405b(),
        layout=Layout(tensor=8.0, pipeline=9.0, data=128.0),
        microbatch=1.0,
        microbatches=16.0,
        prompt=2048.0,
        weight_byte=1.0,
        kv_byte=1.0,
        activation_byte=2.0,
    )
    return Prefill(**values | changes)


def workloads() -> dict[str, Workload]:
    """One of every kind."""
    return {"decode": decode(), "train": training(), "prefill": prefill()}


def lines(**rates_and_latencies: tuple[float, float]) -> dict[str, Line]:
    """Links by hop, of a payload rate in bit/s and a latency in s."""
    return {
        hop: Line(jnp.asarray(rate_bps), jnp.asarray(latency_s), {})
        for hop, (rate_bps, latency_s) in rates_and_latencies.items()
    }


SCALE_UP = lines(link=(7.2e12, 1e-7))
SCALE_OUT = lines(host_link=(1.6e12, 3e-7), switch_link=(1.6e12, 3e-6))
