"""What a workload file looks like: one schema for each phase of a model's life."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from ..cards.schema import Strict, check
from ..cards.values import require_name
from ..quantity import InputError


class LayoutFile(Strict):
    """Tensor, pipeline and data parallelism."""

    tensor: PositiveInt
    pipeline: PositiveInt
    data: PositiveInt


NumberFormat = Literal["fp32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"]
BYTES: dict[str, float] = {
    "fp32": 4.0,
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5,
    "int4": 0.5,
}


class ServingPrecision(Strict):
    """Number formats of a model that serves."""

    weights: NumberFormat
    kv: NumberFormat
    activations: NumberFormat


class TrainingPrecision(Strict):
    """Number formats of a model that learns."""

    weights: NumberFormat
    gradients: NumberFormat = Field(description="on the links between replicas")
    activations: NumberFormat


class Phase(Strict):
    """What every workload says."""

    model: str = Field(description="folder of `experiments/models/`")
    layout: LayoutFile


class DecodeFile(Phase):
    """Every sequence in flight gains one token a step."""

    kind: Literal["decode"]
    microbatch: PositiveInt = Field(description="sequences of one microbatch")
    microbatches: PositiveInt = Field(description="in flight per replica")
    prompt: PositiveInt = Field(description="tokens of a prompt")
    output: PositiveInt = Field(description="tokens of an answer")
    context: PositiveInt = Field(description="mean tokens in a sequence's KV cache")
    precision: ServingPrecision

    def tokens(self) -> str:
        """Tokens of a request, in words."""
        return f"{self.prompt} in, {self.output} out"


class PrefillFile(Phase):
    """Prompts are read in one pass."""

    kind: Literal["prefill"]
    microbatch: PositiveInt = Field(description="prompts of one microbatch")
    microbatches: PositiveInt = Field(1, description="of a replica in a step")
    prompt: PositiveInt = Field(description="tokens of a prompt")
    precision: ServingPrecision

    def tokens(self) -> str:
        """Tokens of a request, in words."""
        return f"{self.prompt} in"


class TrainFile(Phase):
    """Forward, backward and an update of all weights."""

    kind: Literal["train"]
    microbatch: PositiveInt = Field(description="sequences of one microbatch")
    microbatches: PositiveInt = Field(description="of a replica in a step")
    sequence: PositiveInt = Field(description="tokens of a sequence")
    precision: TrainingPrecision
    state_bytes: float = Field(
        gt=0, description="weight, gradient, master copy and moments of a parameter"
    )
    recompute: Literal["selective"] = Field(
        description="done again backward: core of attention, product of gate and up"
    )

    def tokens(self) -> str:
        """Tokens of a step, in words."""
        return f"{self.sequence} a sequence"


WorkloadFile = Annotated[
    DecodeFile | PrefillFile | TrainFile, Field(discriminator="kind")
]
KINDS = {"decode": DecodeFile, "prefill": PrefillFile, "train": TrainFile}


def check_workload(data: Any, who: str) -> DecodeFile | PrefillFile | TrainFile:
    """`data` as the file of its kind; the first mistake becomes an `InputError`."""
    if not isinstance(data, dict):
        raise InputError("a mapping of keys to values", got=data, file=who)
    if "kind" not in data:
        raise InputError(problem="missing", key="kind", file=who)
    require_name(
        str(data["kind"]), KINDS, key="kind", file=who, what="kind of workload"
    )
    return check(KINDS[data["kind"]], data, who)
