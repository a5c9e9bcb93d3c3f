"""What `photonflow layout` prints: the mask beside the model."""

from typing import Any

from rich.table import Table


def mask_tables(data: dict[str, Any]) -> list[Table]:
    """Tables of a `layout.json`."""
    return [_sizes(data), _comparison(data), _row(data["row"]), _rules(data["rules"])]


def _sizes(data: dict[str, Any]) -> Table:
    asked, drawn = data["asked"], data["drawn"]
    table = Table("", "asked", "drawn", title=f"{data['task']}: {data['path']}")
    for name, key, unit, scale, digits in (
        ("radius", "radius_m", "µm", 1e6, 5),
        ("gap", "gap_m", "nm", 1e9, 2),
    ):
        a, b = (f"{x[key] * scale:.{digits}f} {unit}" for x in (asked, drawn))
        table.add_row(name, a, b)
    linewidth = next(r for r in data["comparison"] if r["quantity"] == "linewidth")
    a, b = (
        f"{x / 1e9:.4f} GHz"
        for x in (linewidth["photonflow"], data["linewidth_at_drawn_gap_hz"])
    )
    table.add_row("linewidth at that gap", a, b)
    return table


def _comparison(data: dict[str, Any]) -> Table:
    table = Table(
        "", "photonflow", "SAX on the extracted netlist", "relative difference"
    )
    for row in data["comparison"]:
        scale, unit = (1e9, "GHz") if row["unit"] == "Hz" else (1.0, "")
        a, b = (f"{row[k] / scale:.9g} {unit}" for k in ("photonflow", "sax"))
        table.add_row(row["quantity"], a, b, f"{row['relative']:.1e}")
    return table


def _row(row: dict[str, Any]) -> Table:
    table = Table(
        "ring",
        "radius, µm",
        "resonance, THz",
        "below the one before, GHz",
        title=f"{row['rings']} rings on one bus: {row['notches']} notches, intended "
        f"{row['intended_spacing_hz'] / 1e9:.3f} GHz apart",
    )
    if row["notches"] != row["rings"]:  # which is whose cannot be told
        return table
    spacing = ["", *(f"{x / 1e9:.3f}" for x in row["spacing_hz"])]
    columns = zip(row["radii_m"], row["resonances_hz"], spacing, strict=True)
    for i, (radius, resonance, step) in enumerate(columns):
        table.add_row(
            str(i + 1), f"{radius * 1e6:.5f}", f"{resonance / 1e12:.5f}", step
        )
    return table


def _rules(rules: list[dict[str, Any]]) -> Table:
    table = Table("rule", "least, nm", "places below", "worst, nm", "why")
    for rule in rules:
        worst = "-" if rule["worst_m"] is None else f"{rule['worst_m'] * 1e9:.0f}"
        least = f"{rule['least_m'] * 1e9:.0f}"
        table.add_row(rule["rule"], least, str(rule["places"]), worst, rule["why"])
    return table
