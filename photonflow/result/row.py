"""What every row of `result.json` is, and its numbers."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


Number = Annotated[float, Field(allow_inf_nan=False)]
Maybe = Number | None


class Row(BaseModel):
    """A frozen row that knows all its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
