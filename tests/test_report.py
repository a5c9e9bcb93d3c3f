"""The page of a run: what it shows is what `result.json` says."""

import copy
import html
import re
import time
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from photonflow import causes
from photonflow.report.page import draw, write_page
from photonflow.report.result import Result
from photonflow.report.words import CAUSES, GROUPS, SLACKS, number, quantity


WATTS = {
    # vendor's: laser, driver, tuning, receiver, dsp, module SerDes, conversion; host
    "pluggable": (1.0, 2.4, 0.5, 1.3, 10.4, 3.6, 2.6, 7.2),
    "lpo": (1.0, 2.4, 0.5, 1.3, 0.0, 0.0, 0.7, 7.2),
    "cpo": (0.8, 1.8, 0.4, 1.4, 0.0, 0.0, 0.4, 3.7),
}
CARDS = {"pluggable": "dsp-dr8-1600g", "lpo": "lpo-dr8-1600g", "cpo": "cpo-ring-1600g"}
STEP_S = 22.4e-3
TOKENS = 9216.0


def end(name: str) -> dict[str, Any]:
    laser, driver, tuning, receiver, dsp, serdes, conversion, host = WATTS[name]
    power = dict.fromkeys(causes.LINK, 0.0) | {
        "laser": laser,
        "driver": driver,
        "tuning": tuning,
        "receiver": receiver,
        "dsp": dsp,
        "serdes_module": serdes,
        "power_conversion": conversion,
        "serdes_host": host,
        "fec": 0.3,
    }
    own = sum(power.values()) - host - 0.3
    return {
        "power_w": power,
        "boundary": {c: "module" for c in causes.LINK}
        | {"serdes_host": "host", "fec": "host", "laser": "laser_source"},
        "vendor_w": {"nominal": own, "worst": own * 1.02},
        "with_host_w": {"nominal": own + host + 0.3, "worst": own * 1.02 + host + 0.3},
    }


def hop(name: str, kind: str, **changes: Any) -> dict[str, Any]:
    budget = {
        # As jit leaves it: in the order of the alphabet and not of the light.
        "ageing": -1.0, "coupler_in": -1.5, "coupler_out": -1.2,
        "coupler_receive": -1.2, "laser": 13.7, "modulator_oma": -7.4, "path": -2.8,
        "source_excess": -0.3, "split": -3.0,
    }  # fmt: skip
    watts = sum(end(name)["power_w"].values())
    return {
        "name": kind,
        "technology": CARDS[name],
        "links_per_accelerator": 0.5 if kind == "host_link" else 1.0,
        "ends": {"a": end(name), "b": end(name)},
        "energy_j_per_bit": watts / 1.6e12,
        "energy_per_delivered_bit_j": watts / 1.6e12 / 0.0012,
        "power_w_per_port": watts,
        "utilisation": 0.0019 if kind == "host_link" else 0.0012,
        "log10_ber": -5.0,
        "margin_db": 2.3,
        "budget_db": {"a_to_b": budget, "b_to_a": budget},
        "noise_share": {"a_to_b": {"thermal": 1.0}, "b_to_a": {"thermal": 1.0}},
        "latency_s": 6e-7,
        "rate_bps": 1.6e12,
    } | changes


def tier(name: str, hops: list[dict[str, Any]]) -> dict[str, Any]:
    power = end(name)["power_w"]
    bits = {cause: watts / 1.6e12 for cause, watts in power.items()}
    return {
        "technology": CARDS[name],
        "hops": hops,
        "energy_j_per_bit": sum(bits.values()),
        "energy_per_delivered_bit_j": None,
        "energy_by_cause_j_per_bit": bits,
        "power_w_per_port": sum(power.values()),
        "power_w_module_boundary": end(name)["vendor_w"]["worst"],
        "utilisation": 0.00144,
        "log10_ber": -5.0,
        "margin_db": 2.3,
        "latency_s": 6e-7,
        "rate_bps": 1.6e12,
    }


def variant(name: str, searched: bool = False) -> dict[str, Any]:
    energy = dict.fromkeys(causes.ENERGY, 0.0) | {
        "compute.matmul": 0.02,
        "compute.hbm": 5.4,
        "compute.idle": 10.2,
        "facility.host": 5.0,
        "facility.storage": 1.5,
        "facility.conversion": 2.2,
        "facility.cooling": 2.0,
        "network.scale_up.serdes_host": 1.4,
        "network.scale_up.switch": 0.6,
        "network.scale_out.switch": 0.8,
        "network.scale_out.nic": 0.7,
    }
    for cause, watts in end(name)["power_w"].items():
        # 3 ends per accelerator, 9,216 tokens in a step of as many accelerators
        energy[f"network.scale_out.{cause}"] = 3 * watts * STEP_S
    times = dict.fromkeys(causes.TIME, 0.0) | {
        "matmul": 1e-3, "hbm": 9e-3, "launch": 5.4e-3, "scale_up": 5.61e-3,
        "scale_out": 0.09e-3, "bubble": 1.3e-3,
    }  # fmt: skip
    total, step = sum(energy.values()), sum(times.values())
    engine = "scale_out.switch_link.end_a"
    copper = hop("lpo", "link", technology="passive-dac", utilisation=0.04) | {
        "budget_db": {
            way: {"channel": -20.4, "noise": 53.9, "swing": -10.5}
            for way in ("a_to_b", "b_to_a")
        }
    }
    return {
        "name": name,
        "workload": "decode",
        "status": "ok",
        "feasible": True,
        "accelerators": 9216,
        "layout": {"tensor": 8, "pipeline": 9, "data": 128},
        "j_per_token": total,
        "tokens_per_s": TOKENS / step,
        "tokens_per_s_per_mw": 1e6 / total,
        "step_time_s": step,
        "power_w": total * TOKENS / step,
        "energy_j_per_token": energy,
        "static_share": 0.79,
        "time_s": times,
        "links": {
            "scale_up": tier("lpo", [copper]),
            "scale_out": tier(
                name, [hop(name, "host_link"), hop(name, "switch_link", margin_db=3.7)]
            ),
        },
        "constraints": [
            {
                "name": f"scale_out.switch_link.{way}.{limit}",
                "value": value,
                "limit": least,
                "unit": unit,
                "slack": slack,
                "multiplier": price if searched else None,
            }
            for way in ("a_to_b", "b_to_a")
            for limit, value, least, unit, slack, price in (
                ("ber", -3.646, -3.646, "log10", 0.0, -2.1e-3),
                ("fold", 4.6, 0.2, "1", 4.4, 0.0),
                ("junction", 0.7, 0.0, "1", 0.7, 0.0),
            )
        ],
        "design": {
            f"{engine}.modulator.gap_m": 1.5e-7,
            f"{engine}.modulator.drive_v": 2.5,
            f"{engine}.source.laser.current_a": 0.11,
        }
        if searched
        else {},
        "baseline_j_per_token": total * 1.003 if searched else None,
        "elasticities": {
            "accelerator.idle_w": 0.41,
            "host.host_w": 0.21,
            **{f"{engine}.part_{i}.watts_w": -0.001 * i for i in range(20)},
        },
        "provenance": {
            "host.host_w": {"estimate": True, "low": 100.0, "high": 300.0},
            f"{engine}.modulator.gap_m": {"estimate": False, "low": 1e-7, "high": 3e-7},
        },
        "ports": {
            "ends_per_host_port": 6.0,
            "module_bps": 1.6e12,
            "modules_per_accelerator": 3.0,
            "scale_out_bps_per_accelerator": 8e11,
            "modules_per_accelerator_at_one_port_each": 6.0,
            "note": "3 modules of 1.6T per accelerator. Vendors quote 6.",
        },
        "controlled_share": 0.0101 if searched else None,
        "search": {
            "starts": 128,
            "feasible_share": 0.97,
            "agreeing_share": 0.92,
            "kkt": 3e-7,
            "violation": 0.0,
            "branches": [
                {
                    "box": {
                        "modulator.gap_m": (1e-7, 3e-7),
                        "modulator.drive_v": (0.6, 2.5),
                        "modulator.detuning": (sign * 1.3 - 1.2, sign * 1.3 + 1.2),
                    },
                    "j_per_token": total * (1.0 if sign > 0 else 1.01),
                    "watts": 3.9,
                    "feasible_share": 0.97,
                    "agreeing_share": 0.92,
                    "won": sign > 0,
                }
                for sign in (1, -1)
            ],
            "bounds": [
                {
                    "name": "modulator.drive_v",
                    "bound": "high",
                    "value": 2.5,
                    "unit": "V",
                    "multiplier": -0.004,
                }
            ],
            "relax": {},
        }
        if searched
        else None,
    }


SOURCES = [
    {
        "key": "decea2019",
        "cite": "de Cea, Atabaki & Ram <2019>",
        "url": None,
        "doi": "10.1364/OE.27.024274",
        "kind": "measured",
        "paths": ["scale_out.switch_link.end_a.modulator.guide.loss_db_per_m"],
    }
]
ESTIMATES = [
    {
        "variant": name,
        "workload": "decode",
        "path": f"scale_out.{where}.end_a.host.energy_j_per_bit",
        "card": "serdes-224g-vsr",
        "value": 2.3e-12,
        "unit": "J/bit",
        "low": 2e-12,
        "high": 3e-12,
        "note": "no 224G figure was published with watts",
        "vendor_w": 0.0,
        "with_host_w": 7.4,
        "elasticity": 0.01,
    }
    for name in ("cpo",)
    for where in ("host_link", "switch_link")
]
TRACE = [
    {
        "task": "decode.cpo",
        "iteration": 10 * i,
        # infinite in a search, null in a file: nothing feasible yet
        "best_j_per_token": None if i == 1 else 34.0 - 0.1 * (1 - 0.5**i),
        "worst_violation": 0.5**i,
        "feasible": 0.1 * i,
    }
    for i in range(1, 9)
]


@pytest.fixture(scope="module")
def searched() -> dict[str, Any]:
    """Three variants, the last one searched, as `photonflow run` writes them."""
    variants = [variant("pluggable"), variant("lpo"), variant("cpo", searched=True)]
    return Result(
        experiment="cpo-vs-pluggable",
        title="Co-packaged against pluggable",
        objective="j_per_token",
        variants=variants,  # type: ignore[arg-type]
    ).plain()


@pytest.fixture(scope="module")
def page(searched, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("run")
    write_page(folder, searched, TRACE, SOURCES, ESTIMATES)
    return (folder / "report.html").read_text("utf-8")


def without(result: dict[str, Any]) -> dict[str, Any]:
    """The same without a search and with everything null that may be."""
    result = copy.deepcopy(result)
    for row in result["variants"]:
        row |= {"status": "failed", "feasible": False, "message": "no <light>"}
        for name in (
            "j_per_token", "tokens_per_s", "tokens_per_s_per_mw", "step_time_s",
            "power_w", "static_share", "baseline_j_per_token", "ports", "search",
            "controlled_share",
        ):  # fmt: skip
            row[name] = None
        row |= {"links": {}, "constraints": [], "elasticities": {}, "design": {}}
        row |= {"energy_j_per_token": {}, "time_s": {}, "drives": []}
    return Result.model_validate(result).plain()


def told(page: str) -> str:
    """The words of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_page_is_one_file_that_fetches_nothing(page):
    assert not re.search(r"<(script|link|img|iframe|object|embed|image)\b", page)
    assert not re.search(r"""\b(src|srcset|data)\s*=\s*["']""", page)
    assert "@import" not in page
    links = re.findall(r"""href\s*=\s*["']([^"']*)""", page)
    assert all(link.startswith("#") for link in links)
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", page))


def test_no_id_occurs_twice_and_every_reference_has_its_target(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    used = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert set(used) <= set(ids)


def test_figures_are_files_too_and_well_formed(searched, tmp_path):
    write_page(tmp_path, searched, TRACE, SOURCES, ESTIMATES)
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {
        f"{name}.svg"
        for name in (
            "energy", "standing", "step_time", "utilisation", "budget", "port_watts",
            "search_trace",
        )
    }  # fmt: skip
    for path in (tmp_path / "figures").iterdir():
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "report.html"]


def test_every_variant_cause_and_constraint_appears(page, searched):
    words = told(page)
    for row in searched["variants"]:
        assert row["name"] in words
        for limit in row["constraints"]:
            assert limit["name"] in words
    for cause in (*causes.ENERGY, *causes.TIME):
        assert re.search(rf"(?<![\w.]){re.escape(cause)}(?![\w.])", words), cause
    for row in SOURCES:
        assert row["key"] in words and row["doi"] in words
    for row in ESTIMATES:
        assert row["path"] in words and row["note"] in words


def test_every_cause_has_a_name_and_one_group():
    grouped = [cause for inside, _ in GROUPS.values() for cause in inside]
    assert sorted(grouped) == sorted(causes.ENERGY)
    last = {cause.rsplit(".", 1)[-1] for cause in (*causes.ENERGY, *causes.TIME)}
    assert last <= set(CAUSES)
    assert set(SLACKS) >= {"ber", "launch", "junction", "fold", "heater", "swing"}


def cells(page: str, name: str) -> list[tuple[str, str]]:
    """(number, text) of the cells of the line `name` of a table."""
    line = re.search(rf"<tr><td>{re.escape(name)}<.*?</tr>", page, flags=re.DOTALL)
    assert line, name
    return re.findall(r'data-value="([^"]*)">([^<]*)<', line[0])


@pytest.mark.parametrize(
    "name, key, scale",
    [
        ("energy per token, J", "j_per_token", 1.0),
        ("tokens per second", "tokens_per_s", 1.0),
        ("time per output token, ms", "step_time_s", 1e3),
        ("power, MW", "power_w", 1e-6),
        ("standing power", "static_share", 100.0),
    ],
)
def test_numbers_of_the_table_equal_the_result(page, searched, name, key, scale):
    found = cells(page, name)
    assert len(found) == len(searched["variants"])
    for (value, text), row in zip(found, searched["variants"], strict=True):
        assert float(value) == row[key]
        shown = float(re.sub(r"[,\s%]", "", text))
        assert shown == pytest.approx(row[key] * scale, rel=2e-3)


def test_numbers_of_the_scale_out_tier_equal_the_result(page, searched):
    for name, key in (
        ("scale-out margin, dB", "margin_db"),
        ("scale-out utilisation", "utilisation"),
        ("scale-out, log10 of the error rate before FEC", "log10_ber"),
    ):
        for (value, _), row in zip(
            cells(page, name), searched["variants"], strict=True
        ):
            assert float(value) == row["links"]["scale_out"][key]
    for (value, _), row in zip(
        cells(page, "scale-out, W per 1.6T link end"), searched["variants"], strict=True
    ):
        # All ends of a variant are alike here, so their mean is any one of them.
        one = row["links"]["scale_out"]["hops"][0]["ends"]["a"]["vendor_w"]["worst"]
        assert float(value) == pytest.approx(one, rel=1e-12)


def test_change_is_counted_from_the_first_variant(page, searched):
    first, *others = searched["variants"]
    found = cells(page, "change against the first variant")
    assert found[0] == ("null", "–")
    for (value, _), row in zip(found[1:], others, strict=True):
        assert float(value) == row["j_per_token"] / first["j_per_token"] - 1


def test_the_sentence_says_standing_power_and_what_is_saved(page, searched):
    first, _, last = searched["variants"]
    saved = 1 - last["j_per_token"] / first["j_per_token"]
    words = told(page)
    assert f"cpo saves {number(saved, '.1%')} of the energy per token" in words
    assert "standing power" in words and "not energy per moved bit" in words


def test_a_given_sentence_is_printed_as_it_is(searched, tmp_path):
    write_page(tmp_path, searched | {"summary": "All & more."}, None, [], [])
    assert "All &amp; more." in (tmp_path / "report.html").read_text("utf-8")


def test_a_multiplier_is_said_in_words(page):
    # 2.1e-3 J/token per decade of the limit on the error rate
    assert "raising the limit by one decade saves 2.1 mJ per token" in told(page)


def test_a_variable_at_its_bound_says_so_and_what_it_is_worth(page):
    words = re.sub(r"\s+", " ", told(page))
    # 0.004 J/V x 1 % of 2.5 V
    assert (
        "upper bound; 1 % further would save 100 uJ per token".replace("uJ", "µJ")
        in words
    )
    assert "100 nm to 300 nm no search" in words


def test_null_fields_are_dashes_and_nothing_is_drawn(searched, tmp_path):
    empty = without(searched)
    write_page(tmp_path, empty, None, [], [])
    text = (tmp_path / "report.html").read_text("utf-8")
    assert cells(text, "energy per token, J") == [("null", "–")] * 3
    assert cells(text, "scale-out margin, dB") == [("null", "–")] * 3
    assert "None" not in told(text) and "nan" not in told(text).split()
    assert list((tmp_path / "figures").iterdir()) == []
    assert "no &lt;light&gt;" in text


def test_without_a_search_the_trace_is_a_sentence_and_multipliers_are_dashes(
    searched, tmp_path
):
    result = copy.deepcopy(searched)
    result["variants"] = result["variants"][:2]
    write_page(tmp_path, result, None, SOURCES, [])
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "No search was run" in text
    assert not (tmp_path / "figures" / "search_trace.svg").exists()


def test_an_electrical_link_has_watts_but_no_light(searched):
    result = copy.deepcopy(searched)
    for row in result["variants"]:
        row["links"]["scale_out"] = row["links"]["scale_up"]
    drawn = draw(result, None)
    assert drawn["budget"] is None
    assert drawn["port_watts"] is not None and drawn["utilisation"] is not None


def test_the_waterfall_follows_the_light_whatever_the_order_of_the_file(searched):
    svg = draw(searched, None)["budget"]
    assert svg is not None
    # 13.7 - 3.0 - 0.3 - 1.5 - 7.4 - 1.2 - 2.8 - 1.0 - 1.2 = -4.7 dBm; 3.7 dB of margin
    assert "−4.7 dBm" in svg and "needs −8.4 dBm" in svg
    after = [svg.index(word) for word in ("laser diode", "modulator (", "ageing")]
    assert after == sorted(after)


def test_names_are_escaped(searched, tmp_path):
    result = copy.deepcopy(searched)
    nasty = "<script>alert('x')</script> & $a_b^{c$"
    result["title"] = nasty
    result["variants"][0]["name"] = nasty
    sources = [SOURCES[0] | {"cite": nasty}]
    estimates = [ESTIMATES[0] | {"note": nasty}]
    write_page(tmp_path, result, TRACE, sources, estimates)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    for path in (tmp_path / "figures").iterdir():
        ElementTree.parse(path)


def test_several_workloads_are_told_apart(searched, tmp_path):
    result = copy.deepcopy(searched)
    more = copy.deepcopy(result["variants"])
    for row in more:
        row["workload"] = "chat"
        row["j_per_token"] *= 2
    result["variants"] += more
    write_page(tmp_path, result, None, [], [])
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "cpo, chat" in text and "cpo, decode" in text
    found = cells(text, "change against the first variant")
    assert found[3] == ("null", "–")  # the first of its workload
    assert found[5][0] == found[2][0]


def test_the_page_is_the_same_every_time(searched, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_page(tmp_path / name, searched, TRACE, SOURCES, ESTIMATES)
    pages = [(tmp_path / n / "report.html").read_bytes() for n in ("one", "two")]
    assert pages[0] == pages[1]


def test_a_page_takes_at_most_four_seconds(searched, tmp_path, page):
    began = time.process_time()  # `page` has done the imports
    write_page(tmp_path, searched, TRACE, SOURCES, ESTIMATES)
    assert time.process_time() - began <= 4.0


def test_numbers_are_written_for_people():
    assert number(None) == "–"
    assert number(-0.0409, "+.2%") == "−4.09\N{NO-BREAK SPACE}%"
    assert quantity(1.5e-7, "m") == "150 nm"
    assert quantity(None, "m") == "–"
