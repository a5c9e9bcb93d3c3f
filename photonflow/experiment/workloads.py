"""Workload files to workloads, and whether one fits a cluster.

Integers and memory are checked here, outside any trace: inside, a layout is an array
leaf like any other.
"""

import math

from ..cluster.architecture import DenseDecoder
from ..cluster.parallelism import Layout
from ..cluster.prefill import Prefill
from ..cluster.step import Cluster
from ..cluster.training import Training
from ..cluster.workload import Decode, Workload
from ..component import params, replace
from ..quantity import InputError, show
from .schema import ModelConfig
from .workload_schema import BYTES, DecodeFile, TrainFile, WorkloadFile


_CONFIG_KEYS = {
    "hidden": "hidden_size",
    "feed_forward": "intermediate_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "head_size": "head_dim",
    "vocabulary": "vocab_size",
}


def decoder(config: ModelConfig, who: str) -> DenseDecoder:
    """The model that a `config.json` describes."""
    heads = config.num_attention_heads
    if config.head_dim is None and config.hidden_size % heads:
        raise InputError(
            f"a divisor of `hidden_size` {config.hidden_size}, or a `head_dim`",
            got=heads,
            key="num_attention_heads",
            file=who,
        )
    kv_heads = config.num_key_value_heads or heads
    if heads % kv_heads:
        raise InputError(
            f"a divisor of `num_attention_heads` {heads}",
            got=kv_heads,
            key="num_key_value_heads",
            file=who,
            nearest=str(_nearest_divisor(heads, kv_heads)),
        )
    model = DenseDecoder(
        hidden=float(config.hidden_size),
        feed_forward=float(config.intermediate_size),
        layers=float(config.num_hidden_layers),
        heads=float(heads),
        kv_heads=float(kv_heads),
        head_size=float(config.head_dim or config.hidden_size // heads),
        vocabulary=float(config.vocab_size),
    )
    _within(model, who, _CONFIG_KEYS)
    return model


CLASSES = {"decode": Decode, "prefill": Prefill, "train": Training}
FORMATS = {
    "weights": "weight_byte",
    "kv": "kv_byte",
    "gradients": "gradient_byte",
    "activations": "activation_byte",
}


def build(entry: WorkloadFile, model: DenseDecoder, who: str) -> Workload:
    """The workload that a file describes: its counts have the names of the class."""
    numbers = {name: float(value) for name, value in entry if isinstance(value, int)}
    numbers |= {FORMATS[name]: BYTES[value] for name, value in entry.precision}
    if isinstance(entry, TrainFile):
        numbers["state_byte"] = entry.state_bytes
    layout = Layout(**{name: float(value) for name, value in entry.layout})
    workload = CLASSES[entry.kind](model=model, layout=layout, **numbers)
    _within(workload, who, {"state_byte": "state_bytes"})
    if isinstance(entry, DecodeFile):
        _check_context(entry, who)
    return workload


def _check_context(entry: DecodeFile, who: str) -> None:
    full = entry.prompt + entry.output
    if not entry.prompt <= entry.context <= full:
        raise InputError(
            f"{entry.prompt} (`prompt`) to {full} (`prompt` + `output`)",
            got=entry.context,
            key="context",
            file=who,
            nearest=str(min(max(entry.context, entry.prompt), full)),
        )


def check_fit(workload: Workload, cluster: Cluster, who: str) -> None:
    """Raise unless layout, microbatches and memory of `workload` suit `cluster`."""
    if cluster.matrix_unit is not None and isinstance(workload, Training):
        raise InputError(
            "decode or prefill",
            got="train",
            problem="a matrix unit holds weights that were decomposed beforehand, and "
            "training changes them in every step",
            key="kind",
            file=who,
        )
    _check_division(workload, who)
    _check_size(workload, cluster, who)
    _check_memory(workload, cluster, who)


def _check_division(workload: Workload, who: str) -> None:
    model, layout = workload.model, workload.layout
    layers, pipeline = _int(model.layers), _int(layout.pipeline)
    if layers % pipeline:
        raise InputError(
            f"a divisor of the model's {layers} layers",
            got=pipeline,
            key="layout.pipeline",
            file=who,
            nearest=str(_nearest_divisor(layers, pipeline)),
        )
    heads, kv_heads = _int(model.heads), _int(model.kv_heads)
    tensor = _int(layout.tensor)
    common = math.gcd(heads, kv_heads)
    if common % tensor:
        raise InputError(
            f"a divisor of the model's {heads} heads and {kv_heads} KV heads "
            "(KV heads are not replicated)",
            got=tensor,
            key="layout.tensor",
            file=who,
            nearest=str(_nearest_divisor(common, tensor)),
        )
    if isinstance(workload, Decode) and _int(workload.microbatches) < pipeline:
        raise InputError(
            f"at least {pipeline}, one for each pipeline stage",
            got=_int(workload.microbatches),
            key="microbatches",
            file=who,
            nearest=str(pipeline),
        )


def _check_size(workload: Workload, cluster: Cluster, who: str) -> None:
    layout = workload.layout
    tensor, pipeline, data = (
        _int(layout.tensor),
        _int(layout.pipeline),
        _int(layout.data),
    )
    domain = _int(cluster.scale_up.domain)
    if domain % tensor:
        raise InputError(
            f"a divisor of the {domain} accelerators of a scale-up domain, "
            "which tensor ranks share",
            got=tensor,
            key="layout.tensor",
            file=who,
            nearest=str(_nearest_divisor(domain, tensor)),
        )
    accelerators = _int(cluster.accelerators)
    if accelerators != tensor * pipeline * data:
        replica = tensor * pipeline
        total = replica * data
        raise InputError(
            f"tensor x pipeline x data = {accelerators}, the accelerators of the "
            "cluster",
            got=data,
            problem=f"{tensor} x {pipeline} x {data} are {total}",
            key="layout.data",
            file=who,
            nearest=(
                str(accelerators // replica)
                if accelerators % replica == 0
                else f"cluster.accelerators: "
                f"{max(round(accelerators / replica), 1) * replica}"
            ),
        )


def _check_memory(workload: Workload, cluster: Cluster, who: str) -> None:
    chip = cluster.accelerator
    needed = float(workload.memory_byte())
    usable, memory = float(chip.usable), float(chip.memory_byte)
    available = usable * memory
    if needed <= available:
        return
    # Linear in the microbatch, whatever the workload.
    fixed = float(replace(workload, {"microbatch": 0.0}).memory_byte())
    each_byte = float(replace(workload, {"microbatch": 1.0}).memory_byte()) - fixed
    fits = math.floor((available - fixed) / each_byte)
    raise InputError(
        f"at most {show(available, 'byte')}, {usable:.0%} of {show(memory, 'byte')}",
        problem=f"{show(needed, 'byte')} per accelerator are needed, "
        f"{show(fixed, 'byte')} of them whatever the microbatch",
        key="microbatch" if fits >= 1 else "layout",
        file=who,
        nearest=str(fits) if fits >= 1 else None,
    )


def _within(tree: DenseDecoder | Workload, who: str, names: dict[str, str]) -> None:
    """Raise unless every quantity is where its model is valid."""
    for spec in params(tree):
        if not spec.low <= float(spec.value) <= spec.high:
            raise InputError(
                f"{show(spec.low, spec.unit)} to {show(spec.high, spec.unit)}, "
                "where the model is valid",
                got=float(spec.value),
                key=names.get(spec.path, spec.yaml_path),
                file=who,
            )


def _int(leaf: object) -> int:
    return round(float(leaf))  # type: ignore[arg-type]


def _nearest_divisor(number: int, wanted: int) -> int:
    divisors = [d for d in range(1, number + 1) if number % d == 0]
    return min(divisors, key=lambda d: (abs(d - wanted), -d))
