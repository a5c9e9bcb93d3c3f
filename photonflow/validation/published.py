"""Watts that are published for links: claims, to be shown beside what is computed."""

from collections.abc import Collection
from pathlib import Path

import yaml

from ..result.schema import PublishedRow


def published_watts(links: Collection[str]) -> list[PublishedRow]:
    """The claims about any of the link cards `links`."""
    text = Path(__file__).with_name("published.yaml").read_text("utf-8")
    rows = [PublishedRow.model_validate(row) for row in yaml.safe_load(text)]
    return [row for row in rows if set(row.links) & set(links)]
