"""Published links and parts beside our models: the rows of `docs/validation.md`."""

import photonflow as pf
from photonflow.validation.predictions import predictions


def rows() -> list[dict]:
    """Ours over theirs; of an interval the nearer end, of a level the difference."""
    pf.enable_x64()
    found = []
    for p in predictions():
        if p.ours is None or not p.published:
            continue
        near = min(p.published, key=lambda end: abs(end - p.ours))
        found.append(
            {
                "name": "predictions",
                "case": f"{p.id}: {p.what}",
                "ours": p.ours,
                "peer": "published",
                "peer_value": near,
                "unit": p.unit,
                "ratio": p.ours - near if p.level else p.ours / near,
                "conditions": p.note,
            }
        )
    return found
