"""What `photonflow layout` prints: the mask beside the model."""

from typing import Any

from .table import Table, text_table


def mask_tables(data: dict[str, Any]) -> list[Table]:
    """Tables of a `layout.json`."""
    return [
        _sizes(data),
        _comparison(data["comparison"]),
        _row(data["row"]),
        _rules(data["rules"]),
    ]


def _sizes(data: dict[str, Any]) -> Table:
    asked, drawn = data["asked"], data["drawn"]
    linewidth = next(r for r in data["comparison"] if r["quantity"] == "linewidth")
    widths = linewidth["photonflow"], data["linewidth_at_drawn_gap_hz"]
    return text_table(
        f"{data['task']}: {data['path']}",
        ["", "asked", "drawn"],
        [
            ["radius", *(f"{x['radius_m'] * 1e6:.5f} µm" for x in (asked, drawn))],
            ["gap", *(f"{x['gap_m'] * 1e9:.2f} nm" for x in (asked, drawn))],
            ["linewidth at that gap", *(f"{x / 1e9:.4f} GHz" for x in widths)],
        ],
    )


def _comparison(rows: list[dict[str, Any]]) -> Table:
    def values(row: dict[str, Any]) -> list[str]:
        scale, unit = (1e9, "GHz") if row["unit"] == "Hz" else (1.0, "")
        return [f"{row[k] / scale:.9g} {unit}" for k in ("photonflow", "sax")]

    return text_table(
        "",
        ["", "photonflow", "SAX on the extracted netlist", "relative difference"],
        [[row["quantity"], *values(row), f"{row['relative']:.1e}"] for row in rows],
    )


def _row(row: dict[str, Any]) -> Table:
    spacing = ["", *(f"{x / 1e9:.3f}" for x in row["spacing_hz"])]
    rings = zip(row["radii_m"], row["resonances_hz"], spacing, strict=False)
    rows = [
        [str(i + 1), f"{radius * 1e6:.5f}", f"{resonance / 1e12:.5f}", step]
        for i, (radius, resonance, step) in enumerate(rings)
    ]
    return text_table(
        f"{row['rings']} rings on one bus: {row['notches']} notches, intended "
        f"{row['intended_spacing_hz'] / 1e9:.3f} GHz apart",
        ["ring", "radius, µm", "resonance, THz", "below the one before, GHz"],
        # With other notches than rings, which is whose cannot be said.
        rows if row["notches"] == row["rings"] else [],
    )


def _rules(rules: list[dict[str, Any]]) -> Table:
    def nm(value: float | None) -> str:
        return "-" if value is None else f"{value * 1e9:.0f}"

    columns = ["rule", "least, nm", "places below", "worst, nm", "why"]
    return text_table(
        "",
        columns,
        [
            [r["rule"], nm(r["least_m"]), str(r["places"]), nm(r["worst_m"]), r["why"]]
            for r in rules
        ],
    )
