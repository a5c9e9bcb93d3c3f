"""`result.json`: sums, schema, and a run folder that goes on where it stopped."""

import copy
import json

import pydantic
import pytest

from helpers import assert_close
from photonflow import causes
from photonflow.cards import Library
from photonflow.experiment.folder import Folder, as_json, replacing
from photonflow.quantity import InputError
from photonflow.report.details import published
from photonflow.result.schema import SCHEMA, LaserDriveRow, Result, VariantResult
from photonflow.result.summary import summary, why_infeasible
from photonflow.validation import published_watts


def test_causes_sum_to_the_joules_of_a_token(evaluated):
    for variant in evaluated["variants"]:
        parts = variant["energy_j_per_token"]
        assert tuple(parts) == causes.ENERGY
        assert_close(sum(parts.values()), variant["j_per_token"], rtol=1e-9)


def test_exposed_times_sum_to_the_step(evaluated):
    for variant in evaluated["variants"]:
        assert tuple(variant["time_s"]) == causes.TIME
        assert_close(sum(variant["time_s"].values()), variant["step_time_s"], rtol=1e-9)


def test_power_is_joules_per_token_times_tokens(evaluated):
    for variant in evaluated["variants"]:
        expected = variant["j_per_token"] * variant["tokens_per_s"]
        assert_close(variant["power_w"], expected, rtol=1e-12)
        per_mw = variant["tokens_per_s"] / (variant["power_w"] / 1e6)
        assert_close(variant["tokens_per_s_per_mw"], per_mw, rtol=1e-12)


def test_a_port_at_full_load_spends_its_watts_over_its_rate(evaluated):
    # (P_a + P_b) / (2 rate) is the mean port's watts over its rate.
    for variant in evaluated["variants"]:
        for tier in variant["links"].values():
            expected = tier["power_w_per_port"] / tier["rate_bps"]
            assert_close(tier["energy_j_per_bit"], expected, rtol=1e-9)
            idle = tier["energy_per_delivered_bit_j"] * tier["utilisation"]
            assert_close(idle, expected, rtol=1e-9)


def test_a_tier_holds_the_worst_of_its_hops(evaluated):
    for variant in evaluated["variants"]:
        for tier in variant["links"].values():
            hops = tier["hops"]
            assert tier["log10_ber"] == max(hop["log10_ber"] for hop in hops)
            assert tier["margin_db"] == min(hop["margin_db"] for hop in hops)


def test_the_vendors_boundary_leaves_out_the_host(evaluated):
    for variant in evaluated["variants"]:
        for hop in variant["links"]["scale_out"]["hops"]:
            for end in hop["ends"].values():
                host = sum(
                    watts
                    for cause, watts in end["power_w"].items()
                    if end["boundary"][cause] == "host"
                )
                vendor = end["vendor_w"]["nominal"]
                assert_close(end["with_host_w"]["nominal"], vendor + host, rtol=1e-12)


def test_three_modules_per_accelerator_and_the_vendors_six(evaluated):
    # 2 ends x (1 host link + 2 links between switches) = 6 ends per host port of 1.6T,
    # which two accelerators share.
    ports = evaluated["variants"][0]["ports"]
    assert ports["ends_per_host_port"] == 6
    assert ports["modules_per_accelerator"] == 3
    assert ports["modules_per_accelerator_at_one_port_each"] == 6
    assert ports["scale_out_bps_per_accelerator"] == 800e9


def test_what_does_not_exist_is_null(evaluated):
    for variant in evaluated["variants"]:
        assert variant["matrix_unit"] is None
        assert variant["j_per_token_interval"] is None
        assert variant["baseline_j_per_token"] is None
        assert all(row["multiplier"] is None for row in variant["constraints"])


def test_every_estimate_has_its_watts(evaluated):
    for variant in evaluated["variants"]:
        judged = [
            p for p, origin in variant["provenance"].items() if origin["estimate"]
        ]
        assert {row["path"] for row in variant["estimates"]} == set(judged)
        rows = {row["path"]: row for row in variant["estimates"]}
        # The watts of a SerDes are its energy per bit times the rate: all its watts.
        path = "scale_out.host_link.end_a.host.energy_j_per_bit"
        end = variant["links"]["scale_out"]["hops"][0]["ends"]["a"]
        assert_close(
            rows[path]["with_host_w"], end["power_w"]["serdes_host"], rtol=1e-6
        )
        assert rows[path]["vendor_w"] == 0


def test_the_result_validates_against_the_published_schema(evaluated):
    jsonschema = pytest.importorskip("jsonschema")
    schema = Result.model_json_schema(mode="serialization")
    jsonschema.validate(evaluated, schema)
    assert evaluated["schema"] == SCHEMA
    broken = copy.deepcopy(evaluated)
    broken["variants"][0]["j_per_token"] = "much"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_a_result_whose_causes_do_not_add_up_is_refused(evaluated):
    row = copy.deepcopy(evaluated["variants"][0])
    row["energy_j_per_token"]["compute.hbm"] *= 1 + 1e-6
    with pytest.raises(pydantic.ValidationError, match="causes of a token sum"):
        VariantResult.model_validate(row)


def test_a_result_with_a_number_that_is_none_is_refused(evaluated):
    row = copy.deepcopy(evaluated["variants"][0])
    row["power_w"] = float("nan")
    with pytest.raises(pydantic.ValidationError, match="finite"):
        VariantResult.model_validate(row)
    with pytest.raises(ValueError, match="JSON compliant"):
        as_json(row)


def test_the_summary_speaks_of_standing_power(evaluated):
    rows = [VariantResult.model_validate(row) for row in evaluated["variants"]]
    good = rows[0].model_copy(update={"feasible": True})
    assert good.j_per_token and good.power_w
    cheap = good.model_copy(
        update={
            "name": "cheap",
            "j_per_token": good.j_per_token * 0.9,
            "power_w": good.power_w * 0.9,
        }
    )
    text = summary([good, cheap]).replace("\N{NO-BREAK SPACE}", " ")
    assert "cheap saves 10.0 % of the energy per token" in text
    assert f"against {good.name}" in text
    assert "standing power" in text and "not energy per moved bit" in text
    text = summary([cheap, good]).replace("\N{NO-BREAK SPACE}", " ")
    assert text.count("costs 11.1 %") == 1  # 1 / 0.9 - 1


def test_a_link_out_of_reach_says_by_how_much_and_why():
    drive = LaserDriveRow(
        path="scale_out.host_link.end_a.source.laser.current_a",
        amps=0.6,
        binding="ber",
        reachable=False,
        shortfall_db=1.234,
        limiting="rin",
        ceiling=True,
    )
    text = why_infeasible([], [drive])
    assert "1.23 dB" in text and "rin" in text and "scale_out.host_link" in text


def test_a_finished_task_is_found_again_and_another_setting_is_not(evaluated, tmp_path):
    row = VariantResult.model_validate(evaluated["variants"][0])
    folder, said = Folder(tmp_path / "run"), []
    assert folder.find("a", {"seed": 0}, said.append) is None
    folder.keep("a", {"seed": 0}, row, [{"iteration": 1, "best": 2.5}])
    assert said == []
    found = folder.find("a", {"seed": 0}, said.append)
    assert found is not None
    assert found[0] == row
    assert found[1] == [{"iteration": 1, "best": 2.5}]
    assert len(said) == 1 and "skipped" in said[0]
    assert folder.find("a", {"seed": 1}, said.append) is None
    assert "done again" in said[1]


def test_nothing_half_written_is_left_behind(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "run") as new:
        (new / "result.json").write_text("{}")
        raise RuntimeError("power cut")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_run_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(InputError, match="a folder"):
        Folder(tmp_path / "run")


def test_the_result_is_json_that_everyone_reads(evaluated):
    assert json.loads(as_json(evaluated)) == evaluated


def test_published_watts_of_a_card_are_in_the_result(evaluated):
    """No card is raised to close the gap, so it has to be shown."""
    found = Result.model_validate(evaluated)
    hops = {hop.name: hop for hop in found.variants[0].links["scale_out"].hops}
    ours = hops["switch_link"].ends["a"].vendor_w["worst"]
    (claim,) = found.published
    assert hops["switch_link"].technology in claim.links
    assert claim.source in {row.key for row in found.sources}
    table = published(found)
    assert table is not None
    (row,) = table.rows
    # 8 to 9 W per 800 Gbit/s
    assert row.cells[1].value == ours and row.cells[2].text == "16–18 (from 800G)"
    assert row.cells[3].value == pytest.approx(ours - min(max(ours, 16.0), 18.0))


def test_published_watts_name_cards_and_sources_that_exist():
    library = Library()
    cards = library.names("links")
    claims = published_watts(cards)
    assert claims
    for claim in claims:
        assert set(claim.links) <= set(cards)
        assert library.source(claim.source).kind in ("claim", "datasheet", "measured")
        assert 0 < claim.low_w <= claim.high_w
    assert published_watts(["kp4"]) == []
