"""The tables behind a result: what was decided, what limits it and what it rests on."""

from typing import Any

from ..limits import TOLERANCE, met
from ..units import SUFFIX
from .labels import NONE, Number, constraint_name, minus, number, quantity, si, unit_of


Variant = dict[str, Any]
NOTHING_J = 1e-9
"""J/token that are not worth a sentence: what a search leaves of an inactive limit"""


def constraints(variant: Variant) -> list[dict[str, str]]:
    """Every limit: what was missed first, then what is active, then the rest."""
    rows = sorted(variant["constraints"], key=lambda row: row["slack"])
    return [
        {
            "name": constraint_name(row["name"]) + _log(row["unit"]),
            "path": row["name"],
            "value": _value(row["value"], row["unit"]),
            "limit": _value(row["limit"], row["unit"]),
            "slack": number(_clean(row["slack"]), ".3g"),
            "state": state(row),
            "worth": worth(row),
        }
        for row in rows
    ]


def state(row: dict[str, Any]) -> str:
    """Whether a limit is missed, active or has room."""
    if not met(row["slack"]):
        return "missed"
    return "at its limit" if row["slack"] <= TOLERANCE else "met"


def worth(row: dict[str, Any]) -> str:
    """A multiplier as a sentence."""
    slope = row.get("multiplier")
    if slope is None:
        return NONE
    if abs(slope) < NOTHING_J:
        return "relaxing it is worth nothing"
    # A relative reserve moves in tenths, an error rate in decades.
    step = 0.1 if row["unit"] == "1" else 1.0
    unit = {"1": "0.1", "log10": "one decade"}.get(row["unit"], f"1 {row['unit']}")
    way = "lowering" if slope > 0 else "raising"
    return (
        f"{way} the limit by {unit} saves {quantity(abs(slope) * step, 'J')} per token"
    )


def _log(unit: str) -> str:
    return ", log10" if unit == "log10" else ""


def _value(value: Number, unit: str) -> str:
    text = number(_clean(value))
    return text if unit in ("1", "log10") else f"{text} {unit}"


def _clean(value: Number) -> Number:
    """Without the 1e-16 that a solver leaves of a zero."""
    return 0.0 if abs(value) < 1e-9 else value


def design(variant: Variant) -> list[dict[str, Any]]:
    """Everything that was decided, once where several ends share one value."""
    search = variant.get("search") or {}
    box = next((b["box"] for b in search.get("branches") or [] if b["won"]), {})
    nominal = variant.get("baseline_design") or {}
    drives = {drive["path"]: drive for drive in variant.get("drives") or []}
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, value in variant["design"].items():
        # A drive that was solved for may bear the name of one that was searched.
        searched = None if path in drives else of_path(box, path)
        origin = variant["provenance"].get(path) or {}
        low, high = searched or (origin.get("low"), origin.get("high"))
        end, name = split(path)
        row = {
            "path": name,
            "nominal": si(nominal.get(path), path),
            "value": si(value, path),
            "bounds": _range(low, high, unit_of(path)),
            "at": at_bound(value, low, high)
            + (_worth_of_bound(search, path) if searched else ""),
            "by": "search" if searched else _drive(drives.get(path)),
        }
        rows.setdefault(tuple(row.values()), {**row, "ends": []})["ends"].append(end)
    return list(rows.values())


def of_path(values: dict[str, Any], path: str) -> Any:
    """The entry for `path`; names may lack what is above a part, and the unit."""
    unit = SUFFIX[unit_of(path)]
    short = path.removesuffix(f"_{unit}") if unit else path
    for name, value in values.items():
        if any(p == name or p.endswith(f".{name}") for p in (path, short)):
            return value
    return None


def _worth_of_bound(search: dict[str, Any], path: str) -> str:
    active = {row["name"]: row for row in search.get("bounds") or []}
    bound = of_path(active, path)
    if bound is None or bound.get("multiplier") is None:
        return ""
    joules = abs(bound["multiplier"] * bound["value"]) / 100
    return f"; 1 % further would save {quantity(joules, 'J')} per token"


def branches(variant: Variant) -> list[dict[str, str]]:
    """Boxes of a search that differ, such as the two signs of a detuning."""
    rows = (variant.get("search") or {}).get("branches") or []
    if len(rows) < 2:
        return []
    first = rows[0]["box"]
    differ = [
        n for n in first if any(list(r["box"][n]) != list(first[n]) for r in rows)
    ]
    units = {
        name: unit_of(path)
        for name in differ
        for path in variant["design"]
        if of_path({name: True}, path)
    }
    return [
        {
            "box": "; ".join(
                f"{name} {_range(low, high, units.get(name, '1'))}"
                for name in differ
                for low, high in [row["box"][name]]
            ),
            "j_per_token": number(row["j_per_token"], ".4f"),
            "watts": number(row["watts"], ".3f"),
            "feasible": number(row["feasible_share"], ".0%"),
            "agreeing": number(row["agreeing_share"], ".0%"),
            "won": "taken" if row["won"] else "",
        }
        for row in rows
    ]


def _range(low: Number | None, high: Number | None, unit: str) -> str:
    if low is None or high is None:
        return NONE
    return f"{quantity(low, unit)} to {quantity(high, unit)}"


def split(path: str) -> tuple[str, str]:
    """The end of a link and what is in it, as far as `path` leads into one."""
    words = path.split(".")
    ends = [i for i, word in enumerate(words[:-1]) if word in ("end_a", "end_b")]
    cut = ends[0] + 1 if ends else 0
    return ".".join(words[:cut]), ".".join(words[cut:])


def at_bound(value: Number, low: Number | None, high: Number | None) -> str:
    """Which end of its range a value sits at, within 1e-4 of the range."""
    if low is None or high is None:
        return NONE
    near = 1e-4 * (high - low)
    if value <= low + near:
        return "lower bound"
    return "upper bound" if value >= high - near else "no"


def _drive(drive: dict[str, Any] | None) -> str:
    if drive is None:
        return NONE
    if drive["reachable"]:
        return f"solved for at the worst corner; set by {drive['binding']}"
    short = drive.get("shortfall_db")
    by = "" if short is None else f" by {short:.2f} dB"
    return f"cannot reach its error rate{by}"


def elasticities(variant: Variant, most: int = 15) -> list[dict[str, Any]]:
    """What J/token hangs on most; the workload is the question and no assumption."""
    rows = [
        r for r in variant["elasticities"].items() if r[0].split(".")[0] != "workload"
    ]
    rows.sort(key=lambda row: -abs(row[1]))
    return [
        {
            "path": path,
            "value": number(slope, "+.4f"),
            "words": f"10 % more of it: {minus(format(slope * 10, '+.2g'))} % J/token",
            "estimate": _estimated(variant, path),
        }
        for path, slope in rows[:most]
    ]


def guesses(variant: Variant, most: int = 10) -> list[dict[str, Any]]:
    """The largest among estimates: what to look up or measure first."""
    own = {p: e for p, e in variant["elasticities"].items() if _estimated(variant, p)}
    return elasticities(variant | {"elasticities": own}, most)


def slopes(variant: Variant, most: int = 5) -> list[dict[str, Any]]:
    """The same for what has no elasticity, being in dB or perhaps 0."""
    rows = []
    for path, slope in (variant.get("slopes") or {}).items():
        if path.startswith("workload."):
            continue
        step, told = STEPS.get(unit_of(path), (0.0, ""))
        if effect := 100 * slope * step:
            words = f"{told} more of it: {minus(format(effect, '+.2g'))} % J/token"
            row = {"path": path, "value": NONE, "words": words}
            rows.append((abs(effect), row | {"estimate": _estimated(variant, path)}))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])[:most]]


STEPS = {
    "dB": (1.0, "1 dB"),
    "dBm": (1.0, "1 dB"),
    "s": (1e-6, "1 µs"),
    "W": (1.0, "1 W"),
    "V": (0.1, "0.1 V"),
    "A": (1e-3, "1 mA"),
    "1": (0.1, "0.1"),
}


def _estimated(variant: Variant, path: str) -> bool:
    return bool((variant["provenance"].get(path) or {}).get("estimate"))


def ports(variants: list[Variant]) -> list[str]:
    """How many modules, and why a vendor counts others; once where all agree."""
    notes = [v["ports"]["note"] for v in variants if v.get("ports")]
    return list(dict.fromkeys(notes))


def sources(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Citations with what rests on them."""
    return [
        {
            "key": row["key"],
            "cite": row["cite"],
            "place": f"doi:{row['doi']}" if row.get("doi") else row.get("url") or "",
            "kind": row["kind"],
            "count": str(len(row.get("paths") or [])),
            "paths": ", ".join(row.get("paths") or []),
        }
        for row in rows
    ]


def estimates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stated judgements, most watts first; one row for all uses of a card's number."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        name = row["path"].rsplit(".", 1)[-1]
        key = (row.get("card"), name, row["value"], row.get("note"))
        groups.setdefault(key, []).append(row)
    found = sorted(
        groups.values(), key=lambda same: -_most(same, "with_host_w", "watts")
    )
    return [_estimate(same) for same in found]


def _estimate(same: list[dict[str, Any]]) -> dict[str, Any]:
    row = same[0]
    unit = row.get("unit") or unit_of(row["path"])
    return {
        "name": row["path"].rsplit(".", 1)[-1],
        "card": row.get("card") or NONE,
        "value": quantity(row["value"], unit),
        "range": _range(row.get("low"), row.get("high"), unit),
        "vendor": number(_largest(same, "vendor_w", "watts"), ".3f"),
        "host": number(_largest(same, "with_host_w"), ".3f"),
        "elasticity": number(_largest(same, "elasticity"), "+.4f"),
        "note": row.get("note") or NONE,
        "places": list(
            dict.fromkeys(  # a sweep has the same place at every point
                f"{r['variant']}: {r['path']}" if r.get("variant") else r["path"]
                for r in same
            )
        ),
    }


def _largest(rows: list[dict[str, Any]], *keys: str) -> Number | None:
    """The number furthest from 0 among `rows`; a card may be in many places."""
    values = [row[key] for row in rows for key in keys if row.get(key) is not None]
    return max(values, key=abs, default=None)


def _most(rows: list[dict[str, Any]], *keys: str) -> Number:
    return abs(_largest(rows, *keys) or 0.0)
