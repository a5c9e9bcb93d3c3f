"""What an experiment and a model look like in their files."""

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    FiniteFloat,
    PositiveInt,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
)

from ..cards.schema import Strict
from .workload_schema import WorkloadFile


class ClusterCards(Strict):
    """Cards of the cluster: what all variants share."""

    accelerators: PositiveInt = Field(description="in all")
    accelerator: str = Field(description="card of an accelerator")
    scale_up: str = Field(description="topology card of the scale-up tier")
    scale_out: str = Field(description="topology card of the scale-out tier")
    host: str = Field(description="card of a host")
    facility: str = Field(description="card of conversion and cooling")
    nominal: str = Field(description="climate in which energy is counted")
    worst: str = Field(description="climate in which links have to work")
    matrix_unit: str | None = Field(
        None, description="card of an optical unit for the feed-forward products"
    )


class VariantFile(Strict):
    """One technology: what it changes in the cluster."""

    parts: dict[str, str] = Field(
        {}, description="dotted path of a part -> card that takes its place"
    )
    set: dict[str, str] = Field(
        {}, description="dotted path of a quantity -> value with its unit"
    )


class Branches(Strict):
    """Ranges that a search tries one by one, such as the two signs of a detuning."""

    branches: tuple[tuple[str, str], ...] = Field(min_length=1)


class Choices(Strict):
    """What no slope reaches, tried one by one: cards of a part, or values."""

    choices: tuple[str | int | float, ...] = Field(min_length=1)


class Group(Strict):
    """Quantities that a search may move, and the equal parts that they are in."""

    where: tuple[str, ...] = Field(
        description="dotted paths of equal parts that move as one", min_length=1
    )
    parameters: dict[str, tuple[str, str] | Branches | Choices] = Field(
        description="dotted path below `where` -> lowest and highest value, or choices"
    )


def _form(given: object) -> str:
    return "list" if isinstance(given, list | tuple) else "group"


Groups = Annotated[
    Annotated[Group, Tag("group")] | Annotated[tuple[Group, ...], Tag("list")],
    Discriminator(_form),
]


class Trimmed(Strict):
    """How a number is adjusted on every part after fabrication."""

    step: str = Field(description="it moves by twice this at most, either way")
    limits: tuple[str, ...] = Field(
        description="slacks of which the smallest is made large", min_length=1
    )


class Robust(Strict):
    """What a searched variant is to keep from part to part."""

    wanted: float = Field(
        0.95,
        gt=0.0,
        lt=1.0,
        description="share of lane pairs, one lane of a link with what serves it at "
        "either end, that keep every limit",
    )
    draws: int = Field(128, ge=2, le=256, description="lane pairs in the search")
    trimmed: dict[str, Trimmed] = Field(
        {}, description="dotted path below an end -> how it is adjusted"
    )


class Search(Strict):
    """How a search runs."""

    starts: PositiveInt = Field(8, description="starting points of every branch")
    seed: int = Field(0, ge=0, description="of the starting points")


class Experiment(Strict):
    """One runnable study: `experiments/*.yaml`."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        description="equal to the name of the file"
    )
    title: str | None = None
    workloads: dict[str, str | WorkloadFile] = Field(
        description="name -> file of `workloads/`, or a workload", min_length=1
    )
    cluster: ClusterCards
    variants: dict[str, VariantFile] = Field(description="technologies", min_length=1)
    free: dict[str, Groups] = Field(
        {}, description="variant -> what may move in it: a group, or a list of them"
    )
    robust: dict[str, Robust] = Field(
        {}, description="searched variant -> the yield that it is to have"
    )
    constraints: dict[str, FiniteFloat] = Field(
        {}, description="name of a slack -> its minimum, where that is not 0"
    )
    objective: Literal["j_per_token"] = "j_per_token"
    search: Search = Search.model_construct(starts=8, seed=0)
    sweep: dict[str, tuple[StrictStr | StrictInt | StrictFloat, ...]] = Field(
        {}, description="what `--set` takes -> its values; the grid is their product"
    )


class ModelConfig(BaseModel):
    """The part of a Hugging Face `config.json` that a dense Llama needs."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    architectures: tuple[str, ...] = ()
    model_type: str = ""
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_key_value_heads: PositiveInt | None = None
    head_dim: PositiveInt | None = None
    vocab_size: PositiveInt
    tie_word_embeddings: bool = False
