"""Cells of a ring modulator. What is instanced is what the netlist extraction finds.

```
        N pad ─┐       ┌─ P pad       ring_junction  the doped arc, p inside, n outside
             ╭─┴──────╮│              ring_coupler   the other arc and the bus below it
             │   R   ─┼╯              straight       bus on either side
             ╰─┬────┬─╯               ring_contacts, ring_heater, pad: electrical
 o1 ───────────┼────┼─────────── o2
  heater pad ──┘    └── heater pad
```

The origin is the middle of the ring. Settings keep radius and gap as asked, to the last
digit. Vertices lie on the 1 nm grid: those of an arc scatter by half a nanometre around
its radius, and the bus lies so that the gap as drawn is the asked one, rounded to 1 nm.

Left out: tapers, grating couplers, fill, the resistance of the heater, anything that a
foundry would ask for.
"""

import math

import gdsfactory as gf
import klayout.db as kdb

from ..quantity import InputError
from .process import (
    CONTACT,
    DOPED,
    GRID,
    HEATER,
    METAL_SPACE,
    OFF_BUS,
    PAD,
    PITCH,
    RIB,
    SLAB,
    VIA_METAL,
    snap,
)


STEP_DEG = 0.5  # between vertices: the chord runs 0.06 nm inside a circle of 6 um
HEATER_DEG = 120.0  # a longer heater would meet its own leads
LEAD = 2.0  # of a heater lead straight away from the ring
VIA_PITCH = 2.0  # of the PDK's vias


def bus_y(radius: float, gap: float) -> float:
    """Middle of the bus, below the middle of the ring."""
    outer = snap(radius + RIB / 2)
    return -(outer + snap(gap) + RIB / 2)


@gf.cell
def ring_modulator(
    radius: float = 6.0, gap: float = 0.2, fraction: float = 0.75
) -> gf.Component:
    """A ring on `PITCH` of bus; a junction on `fraction` of its circumference."""
    c = gf.Component()
    doped = 360.0 * fraction
    width = 2 * snap(radius)
    at = {"radius": radius, "gap": gap}
    coupler = c.add_ref(
        ring_coupler(**at, angle=360.0 - doped, length=width), name="coupler"
    )
    c.add_ref(ring_junction(**at, angle=doped), name="junction")
    bus = _straight((PITCH - width) / 2)
    west, east = c.add_ref(bus, name="bus_in"), c.add_ref(bus, name="bus_out")
    west.connect("o2", coupler.ports["o1"])
    east.connect("o1", coupler.ports["o4"])
    c.add_port("o1", port=west.ports["o1"])
    c.add_port("o2", port=east.ports["o2"])

    contacts = c.add_ref(ring_contacts(**at, angle=doped), name="contacts")
    heater = c.add_ref(ring_heater(**at, angle=360.0 - doped), name="heater")
    away = snap(radius + 25.0)
    bump = gf.get_component(
        "pad", size=(PAD, PAD), bbox_layers=("PADOPEN",), bbox_offsets=(-2.5,)
    )
    for name, port, x, y in (
        ("N", contacts.ports["n"], -20.0, away),
        ("P", contacts.ports["p"], 20.0, away),
        ("heater 1", heater.ports["west"], -20.0, -away),
        ("heater 2", heater.ports["east"], 20.0, -away),
    ):
        c.add_ref(bump, name=f"pad_{name.replace(' ', '_')}").move((x, y))
        x0, y0 = port.center
        corner = (x, y0) if name != "N" else (x0, y0 + 3.0)
        path = [(x0, y0), corner, (x, corner[1]), (x, y)]
        _insert(c, "MTOP", _wire(path, VIA_METAL))
        c.add_label(name, position=(x, y), layer="TEXT")
    return c


@gf.cell
def ring_row(
    radii: tuple[float, ...] = (6.0,), gap: float = 0.2, fraction: float = 0.75
) -> gf.Component:
    """Rings of `radii` one after the other on one bus."""
    c = gf.Component()
    previous = None
    for i, radius in enumerate(radii):
        ring = c.add_ref(ring_modulator(radius, gap, fraction), name=f"ring_{i + 1}")
        if previous is None:
            c.add_port("o1", port=ring.ports["o1"])
        else:
            ring.connect("o1", previous.ports["o2"])
        previous = ring
    if previous is not None:
        c.add_port("o2", port=previous.ports["o2"])
    return c


@gf.cell
def ring_coupler(
    radius: float = 6.0, gap: float = 0.2, angle: float = 90.0, length: float = 12.0
) -> gf.Component:
    """`length` of bus (o1, o4) under an undoped arc (o2, o3) of `angle` degrees."""
    c = gf.Component()
    y = bus_y(radius, gap)
    for layer, reach in (("WG", RIB / 2), ("SLAB90", RIB / 2 + SLAB)):
        bus = kdb.DBox(-length / 2, y - reach, length / 2, y + reach)
        _insert(c, layer, kdb.Region(bus.to_itype(GRID)))
    _rib_arc(c, radius, -90.0, angle, ("o2", "o3"))
    _port(c, "o1", -length / 2, y, 180.0)
    _port(c, "o4", length / 2, y, 0.0)
    return c


@gf.cell
def ring_junction(
    radius: float = 6.0, gap: float = 0.2, angle: float = 270.0
) -> gf.Component:
    """The doped arc of `angle` degrees; its implants keep off the bus at `gap`."""
    c = gf.Component()
    _rib_arc(c, radius, 90.0, angle, ("o1", "o2"))
    y = bus_y(radius, gap)
    bus = kdb.DBox(-PITCH, y - RIB / 2 - OFF_BUS, PITCH, y + RIB / 2 + OFF_BUS)
    for layer, start, stop in (
        ("P", -DOPED, 0.0),
        ("PPP", -DOPED, -CONTACT),
        ("N", 0.0, DOPED),
        ("NPP", CONTACT, DOPED),
    ):
        arc = _sector(radius + start, radius + stop, 90.0, angle)
        _insert(c, layer, arc - kdb.Region(bus.to_itype(GRID)))
    return c


@gf.cell
def ring_contacts(
    radius: float = 6.0, gap: float = 0.2, angle: float = 270.0
) -> gf.Component:
    """Heavy implants, vias and first metal: p in the middle, n in an arc around.

    The arc ends where the bus or a heater lead comes near.
    """
    side = snap(min(8.0, math.sqrt(2) * (radius - 1.2)))
    if side < VIA_METAL:
        raise InputError(
            f"at least {1.2 + VIA_METAL / math.sqrt(2):.2f} um, for the contact inside",
            got=f"{radius:.3f} um",
            key="radius",
        )
    c = gf.Component()
    middle = c << gf.get_component(
        "via_stack",
        size=(side, side),
        layers=("SLAB90", "PPP", "M1", "M2", "MTOP"),
        vias=(None, "viac", "via1", "via2", None),
    )
    _insert(c, "PPP", _sector(0.0, radius - DOPED + 0.2, 90.0, 360.0))

    inside, outside = radius + 1.0, radius + 1.0 + VIA_METAL
    edge = outside + 0.3
    _insert(c, "SLAB90", _sector(0.0, edge, 90.0, 360.0))
    spaced = math.asin((HEATER / 2 + METAL_SPACE) / inside)
    away_deg = max(
        180.0 - angle / 2,
        _heater_deg(angle) / 2 + math.degrees(spaced),
        math.degrees(math.acos(-(bus_y(radius, gap) + RIB / 2 + 1.0) / edge)),
    )
    span = 360.0 - 2 * away_deg
    _insert(c, "NPP", _sector(radius + CONTACT, edge, 90.0, span))
    _insert(c, "M1", _sector(inside, outside, 90.0, span))
    track = (inside + outside) / 2
    free = math.radians(span) - VIA_METAL / track
    steps = max(1, int(free * track / VIA_PITCH))
    via = gf.get_component("viac")
    for i in range(steps + 1):
        turn = math.pi / 2 + free * (i / steps - 0.5)
        spot = c << via
        spot.move((snap(track * math.cos(turn)), snap(track * math.sin(turn))))
    top = c << gf.get_component("via_stack_m1_mtop", size=(VIA_METAL, VIA_METAL))
    top.move((0.0, snap(track)))
    c.add_port("p", port=middle.ports["e3"])
    c.add_port("n", port=top.ports["e2"])
    return c


@gf.cell
def ring_heater(
    radius: float = 6.0, gap: float = 0.2, angle: float = 90.0
) -> gf.Component:
    """Metal over the undoped arc, its leads past the bus to two via stacks."""
    c = gf.Component()
    turn = _heater_deg(360.0 - angle)
    half = math.radians(turn / 2)
    apart = 2 * radius * math.sin(half) - HEATER
    if apart < METAL_SPACE:
        raise InputError(
            "less than 1, so that the heater has room on the rest of the ring",
            problem=f"the heater would have {max(0.0, apart):.2f} um between its leads",
            key="junction_fraction",
        )
    knee = ((radius + LEAD) * math.sin(half), -(radius + LEAD) * math.cos(half))
    x, low = snap(max(knee[0], VIA_METAL / 2 + METAL_SPACE)), bus_y(radius, gap) - 5.0
    # A lead starts on the middle of the arc and leaves it straight outwards: no acute
    # corners, and no slivers from edges that almost meet.
    end = (radius * math.sin(half), -radius * math.cos(half))
    metal = _sector(radius - HEATER / 2, radius + HEATER / 2, -90.0, turn)
    for sign, name in ((-1, "west"), (1, "east")):
        lead = [(sign * px, py) for px, py in (end, knee, (x, low))]
        metal += _wire(lead, HEATER, start=0.0)
        stack = c << gf.get_component(
            "via_stack_heater_mtop", size=(VIA_METAL, VIA_METAL)
        )
        stack.move((sign * x, low))
        c.add_port(name, port=stack.ports["e4"])
    _insert(c, "HEATER", metal.merged())
    return c


def _heater_deg(doped_deg: float) -> float:
    return min(HEATER_DEG, 360.0 - doped_deg)


def _straight(length: float) -> gf.Component:
    return gf.get_component("straight", length=length, cross_section="rib", width=RIB)


def _rib_arc(
    c: gf.Component,
    radius: float,
    middle_deg: float,
    angle: float,
    names: tuple[str, str],
) -> None:
    """A rib with its slab, centred at `middle_deg`, and a port at either end."""
    half = RIB / 2
    _insert(c, "WG", _sector(radius - half, radius + half, middle_deg, angle))
    inner = max(0.0, radius - half - SLAB)
    _insert(c, "SLAB90", _sector(inner, radius + half + SLAB, middle_deg, angle))
    for name, sign in zip(names, (-1, 1), strict=True):
        turn_deg = middle_deg + sign * angle / 2
        x, y = (radius * f(math.radians(turn_deg)) for f in (math.cos, math.sin))
        _port(c, name, x, y, (turn_deg + sign * 90.0) % 360.0)


def _port(c: gf.Component, name: str, x: float, y: float, facing: float) -> None:
    c.add_port(
        name,
        center=(x, y),
        orientation=facing,
        width=RIB,
        layer="WG",
        port_type="optical",
    )


def _arc(radius: float, middle_deg: float, angle: float) -> list[tuple[float, float]]:
    """Points, one of them in the middle, so that a gap there is exact."""
    half = math.ceil(angle / 2 / STEP_DEG)
    turns = [
        math.radians(middle_deg + angle / 2 * i / half) for i in range(-half, half + 1)
    ]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]


def _sector(inner: float, outer: float, middle_deg: float, angle: float) -> kdb.Region:
    """Part of a ring."""
    around = _arc(outer, middle_deg, angle) + _arc(inner, middle_deg, angle)[::-1]
    points = [kdb.DPoint(x, y) for x, y in around]
    return kdb.Region(kdb.DPolygon(points).to_itype(GRID)).merged()


def _wire(
    points: list[tuple[float, float]], width: float, start: float | None = None
) -> kdb.Region:
    """A track that reaches half its width past its ends, or `start` at the first."""
    half = width / 2
    begin = half if start is None else start
    path = kdb.DPath([kdb.DPoint(x, y) for x, y in points], width, begin, half)
    return kdb.Region(path.polygon().to_itype(GRID)).merged()


def _insert(c: gf.Component, layer: str, region: kdb.Region) -> None:
    c.shapes(c.kcl.layer(*gf.get_layer_tuple(layer))).insert(region)
