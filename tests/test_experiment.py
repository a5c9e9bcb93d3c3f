"""Studies: what a file may say, what is refused and how, and what a study builds."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from helpers import assert_close
from photonflow.cards import Library
from photonflow.component import params
from photonflow.experiment import study
from photonflow.experiment.io import shipped
from photonflow.links.optical import OpticalLink
from photonflow.quantity import InputError


NAME = "cpo-vs-pluggable"


@pytest.fixture(scope="module")
def library():
    return Library()


@pytest.fixture(scope="module")
def shipped_study(library):
    return study(NAME, library=library)


@pytest.fixture
def write(tmp_path, library):
    """Writes the shipped experiment with changes, and reads it as a study."""

    def make(changes=None, workload=None, config=None, **kwargs):
        data = yaml.safe_load((shipped() / f"{NAME}.yaml").read_text())
        _merge(data, changes or {})
        if workload is not None:
            folder = tmp_path / "workloads"
            folder.mkdir()
            name = "llama-405b-decode.yaml"
            asked = yaml.safe_load((shipped() / "workloads" / name).read_text())
            _merge(asked, workload)
            (folder / name).write_text(yaml.safe_dump(asked))
        if config is not None:
            folder = tmp_path / "models" / "llama-3.1-405b"
            folder.mkdir(parents=True)
            path = shipped() / "models" / "llama-3.1-405b" / "config.json"
            shape = json.loads(path.read_text())
            _merge(shape, config)
            (folder / "config.json").write_text(json.dumps(shape))
        path = tmp_path / f"{NAME}.yaml"
        path.write_text(yaml.safe_dump(data))
        return study(path, library=library, **kwargs)

    return make


def _merge(data, changes):
    for key, value in changes.items():
        if value is DROP:
            del data[key]
        elif isinstance(value, dict) and isinstance(data.get(key), dict):
            _merge(data[key], value)
        else:
            data[key] = value


DROP = object()


def free(**parameters):
    return {"free": {"cpo": {"parameters": parameters}}}


def part(path, card):
    return {"variants": {"cpo": {"parts": {path: card}}}}


BAD_EXPERIMENTS = {
    "unknown key": (
        {"constraint": {"fold": 0.2}},
        ["unknown key", "`constraint`", "did you mean `constraints`"],
    ),
    "unknown key of the cluster": (
        {"cluster": {"acelerator": "b200-nvl72"}},
        ["`cluster.acelerator`", "did you mean `accelerator`"],
    ),
    "missing key": ({"cluster": {"host": DROP}}, ["`cluster.host`", "missing"]),
    "name of another file": ({"name": "other"}, ["`name`", "other", NAME]),
    "missing card": (
        {"cluster": {"accelerator": "b200-nvl27"}},
        ["`cluster.accelerator`", "b200-nvl27", "did you mean `b200-nvl72`"],
    ),
    "card of another class": (
        {"cluster": {"host": "liquid-cooled"}},
        ["`cluster.host`", "Facility", "a card of class Host"],
    ),
    "missing link card": (
        part("scale_out.host_link", "cpo-ring-1600"),
        ["`variants.cpo.parts.scale_out.host_link`", "did you mean `cpo-ring-1600g`"],
    ),
    "part that is none": (
        part("scale_out.hostlink", "lpo-dr8-1600g"),
        ["path of a part", "did you mean `scale_out.host_link`"],
    ),
    "wrong dimension": (
        {"variants": {"cpo": {"set": {"facility.cooling": "25 fH"}}}},
        ["`facility.cooling`", "25 fH", "dimension of 1"],
    ),
    "value outside the model": (
        {"variants": {"cpo": {"set": {"facility.cooling": "2"}}}},
        ["`facility.cooling`", "'2'", "0 to 1"],
    ),
    "bare number": (
        {"variants": {"cpo": {"set": {"facility.cooling": 0.1}}}},
        ["facility.cooling`", "text, in quotes"],
    ),
    "free variant that is none": (
        {"free": {"cpu": {"where": ["scale_out"], "parameters": {"x": ["1", "2"]}}}},
        ["`free`", "cpu", "did you mean `cpo`"],
    ),
    "free path that is none": (
        free(**{"modulator.gab": ["100 nm", "300 nm"]}),
        ["`free.cpo.parameters.modulator.gab`", "modulator.gap`"],
    ),
    "free range of another dimension": (
        free(**{"modulator.gap": ["100 nm", "300 fF"]}),
        ["`free.cpo.parameters.modulator.gap`", "300 fF", "a length"],
    ),
    "free range wider than the card's": (
        free(**{"modulator.gap": ["90 nm", "300 nm"]}),
        ["`free.cpo.parameters.modulator.gap`", "inside 100 nm to 300 nm"],
    ),
    "free range upside down": (
        free(**{"modulator.gap": ["300 nm", "100 nm"]}),
        ["`free.cpo.parameters.modulator.gap`", "the lower end first"],
    ),
    "free range of one end": (
        free(**{"modulator.gap": "100 nm"}),
        ["`free.cpo.parameters.modulator.gap`", "100 nm"],
    ),
    "no groups": ({"free": {"cpo": []}}, ["`free.cpo`", "nothing would be searched"]),
    "no parameters of a group": (
        {"free": {"cpo": [{"where": ["scale_out"], "parameters": {}}]}},
        ["`free.cpo.0.parameters`", "nothing would be searched"],
    ),
    "no options": (
        free(**{"modulator": {"choices": []}}),
        ["`free.cpo.parameters.modulator.choices`", "got []", "at least one option"],
    ),
    "no starts": ({"search": {"starts": 0}}, ["`search.starts`", "greater than 0"]),
    "workload that is none": (
        {"workloads": {"decode": "lama-405b-decode"}},
        ["`workloads.decode`", "did you mean `llama-405b-decode`"],
    ),
    "half the accelerators": (
        {"cluster": {"accelerators": 4608}},
        ["`layout.data`", "8 x 9 x 128 are 9216", "4608", "did you mean `64`"],
    ),
}


@pytest.mark.parametrize("case", BAD_EXPERIMENTS)
def test_a_mistake_in_an_experiment_is_told_with_its_place(case, write):
    changes, expected = BAD_EXPERIMENTS[case]
    with pytest.raises(InputError) as caught:
        write(changes)
    for words in expected:
        assert words in str(caught.value)


BAD_WORKLOADS = {
    "layers that do not divide": (
        {"layout": {"pipeline": 10}},
        ["`layout.pipeline`", "got 10", "126 layers", "did you mean `9`"],
    ),
    "heads that do not divide": (
        {"layout": {"tensor": 12}},
        ["`layout.tensor`", "got 12", "128 heads and 8 KV heads", "did you mean `8`"],
    ),
    "more ranks than KV heads": (
        {"layout": {"tensor": 16, "data": 64}},
        ["`layout.tensor`", "got 16", "not replicated", "did you mean `8`"],
    ),
    "accelerators that do not match": (
        {"layout": {"data": 100}},
        ["`layout.data`", "8 x 9 x 100 are 7200", "9216", "did you mean `128`"],
    ),
    "fewer microbatches than stages": (
        {"microbatches": 8},
        ["`microbatches`", "got 8", "at least 9", "did you mean `9`"],
    ),
    "a microbatch of nothing": ({"microbatch": 0}, ["`microbatch`", "greater than 0"]),
    "half a microbatch": ({"microbatch": 7.5}, ["`microbatch`", "7.5", "integer"]),
    "more than the memory holds": (
        {"microbatch": 1000},
        ["`microbatch`", "per accelerator are needed", "whatever", "at most", "%"],
    ),
    "context outside the request": (
        {"context": 9300},
        ["`context`", "9300", "8192", "9216", "did you mean `9216`"],
    ),
    "unknown number format": (
        {"precision": {"kv": "fp7"}},
        ["`precision.kv`", "fp7", "fp8"],
    ),
    "unknown model": (
        {"model": "llama-3.1-405"},
        ["`model`", "did you mean `llama-3.1-405b`"],
    ),
    "unknown kind": ({"kind": "decoding"}, ["`kind`", "decoding", "decode"]),
}


@pytest.mark.parametrize("case", BAD_WORKLOADS)
def test_a_workload_that_cannot_run_is_refused_before_any_trace(case, write):
    changes, expected = BAD_WORKLOADS[case]
    with pytest.raises(InputError) as caught:
        write(workload=changes)
    assert "llama-405b-decode.yaml" in str(caught.value)
    for words in expected:
        assert words in str(caught.value)


def test_the_memory_error_names_the_microbatch_that_fits(write):
    with pytest.raises(InputError) as caught:
        write(workload={"microbatch": 1000})
    fits = int(caught.value.nearest or 0)
    shutil.rmtree(Path(caught.value.file or "").parent)
    write(workload={"microbatch": fits})
    shutil.rmtree(Path(caught.value.file or "").parent)
    with pytest.raises(InputError, match=f"mean `{fits}`"):
        write(workload={"microbatch": fits + 1})


BAD_MODELS = {
    "another family": (
        {"architectures": ["MixtralForCausalLM"]},
        ["`architectures`", "Mixtral", "LlamaForCausalLM"],
    ),
    "missing size": ({"hidden_size": DROP}, ["`hidden_size`", "missing"]),
    "layers in words": ({"num_hidden_layers": "many"}, ["`num_hidden_layers`", "many"]),
    "tied embeddings": ({"tie_word_embeddings": True}, ["`tie_word_embeddings`"]),
    "KV heads that do not divide": (
        {"num_key_value_heads": 7},
        ["`num_key_value_heads`", "128", "did you mean `8`"],
    ),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_model_of_another_kind_is_refused(case, write):
    changes, expected = BAD_MODELS[case]
    with pytest.raises(InputError) as caught:
        write(config=changes)
    assert "config.json" in str(caught.value)
    for words in expected:
        assert words in str(caught.value)


BAD_SETTINGS = {
    "serch.starts": ("8", ["`serch.starts`", "unknown", "--set"]),
    "search.stars": ("8", ["`search.stars`", "did you mean `starts`", "--set"]),
    "search.starts": ("eight", ["`search.starts`", "eight"]),
    "search": ("8", ["`search`"]),
    "name.x": ("8", ["`name.x`"]),
    "facility.colling": ("0.1", ["did you mean `facility.cooling`"]),
    "facility.cooling": ("3 W", ["`facility.cooling`", "3 W", "--set"]),
    "scale_out.switch_link.end_a.modulator.gap": ("5 um", ["5 um", "--set"]),
    "workloads.decode.microbatch": ("0", ["`workloads.decode.microbatch`"]),
    "workloads.chat.microbatch": ("8", ["workloads.chat"]),
}


@pytest.mark.parametrize("path", BAD_SETTINGS)
def test_a_mistaken_setting_is_told(path, library):
    value, expected = BAD_SETTINGS[path]
    with pytest.raises(InputError) as caught:
        study(NAME, settings={path: value}, library=library)
    for words in expected:
        assert words in str(caught.value)


def test_malformed_yaml_names_the_line(tmp_path, library):
    (tmp_path / "a.yaml").write_text("name: a\nworkloads: {x\n")
    with pytest.raises(InputError, match=r"a\.yaml.*line \d.*YAML"):
        study(tmp_path / "a.yaml", library=library)


def test_a_missing_experiment_names_the_nearest():
    with pytest.raises(InputError, match="did you mean `cpo-vs-pluggable`"):
        study("cpo-vs-plugable")
    with pytest.raises(InputError, match="no such file"):
        study("missing/cpo-vs-pluggable.yaml")


def test_the_shipped_layout_fills_every_accelerator(shipped_study):
    layout = shipped_study.workload("decode").layout
    assert float(layout.accelerators()) == 8 * 9 * 128 == 9216
    assert float(shipped_study.cluster("cpo").accelerators) == 9216


def test_the_shipped_model_has_405_85_billion_weights(shipped_study):
    # 126 * (16384 * (256 + 16) * 128 + 3 * 16384 * 53248) + 2 * 16384 * 128256
    model = shipped_study.workload("decode").model
    assert_close(float(model.weights()), 405.85e9, rtol=1e-5)


def test_variants_differ_in_their_links_only(shipped_study):
    first = shipped_study.cluster("pluggable")
    for name in shipped_study.variants:
        other = shipped_study.cluster(name)
        for part_name in ("accelerator", "scale_up", "host", "facility", "worst"):
            ours = [p.value for p in params(getattr(first, part_name))]
            theirs = [p.value for p in params(getattr(other, part_name))]
            assert_close(theirs, ours, rtol=0)


def test_every_number_of_a_cluster_has_a_provenance(shipped_study):
    for variant in shipped_study.variants:
        origins = shipped_study.provenance(variant)
        paths = [spec.path for spec in params(shipped_study.cluster(variant))]
        assert set(paths) == set(origins)
        assert all(origin.path == path for path, origin in origins.items())


def test_the_host_hop_of_cpo_ends_in_a_pluggable(shipped_study):
    link = shipped_study.cluster("cpo").scale_out.host_link
    assert isinstance(link, OpticalLink)
    assert link.end_a.retimer is None
    assert link.end_b.retimer is not None
    technology = shipped_study.technology("cpo", "scale_out")
    assert technology["switch_link"] == "cpo-ring-1600g"


def test_settings_reach_quantities_experiment_and_workload(library):
    gap = "scale_out.switch_link.end_a.modulator.gap"
    settings = {
        gap: "180 nm",
        "search.starts": "8",
        "workloads.decode.microbatch": "4",
        "free.cpo.parameters.modulator.gap": "[120 nm, 200 nm]",
        "facility.cooling": "0.1",
    }
    found = study(NAME, settings=settings, library=library)
    # '180 nm' is the decimal 1.8e-7.
    values = {p.yaml_path: float(p.value) for p in params(found.cluster("cpo"))}
    assert values[gap] == 1.8e-7
    assert found.provenance("cpo")[f"{gap}_m"].source == "setting"
    assert found.settings.search.starts == 8
    decode = {p.path: p.value for p in params(found.workload("decode"))}
    assert decode["microbatch"] == 4
    free = {one.name: one for one in found.free("cpo")}
    assert free["modulator.gap"].boxes == ((1.2e-7, 2e-7),)
    for variant in found.variants:
        assert float(found.cluster(variant).facility.cooling) == 0.1


def test_detuning_has_a_branch_on_each_side_of_the_resonance(shipped_study):
    free = {one.name: one for one in shipped_study.free("cpo")}
    assert free["modulator.detuning"].boxes == ((0.1, 2.5), (-2.5, -0.1))
    assert len(free["modulator.detuning"].paths) == 3
    assert shipped_study.free("pluggable") == []


def test_an_inline_workload_is_the_same_as_its_file(write, shipped_study):
    path = shipped() / "workloads" / "llama-405b-decode.yaml"
    inline = write({"workloads": {"decode": yaml.safe_load(path.read_text())}})
    ours = [float(p.value) for p in params(inline.workload("decode"))]
    theirs = [float(p.value) for p in params(shipped_study.workload("decode"))]
    assert ours == theirs


GROUP = {
    "where": ["scale_out.switch_link.end_a"],
    "parameters": {"modulator.gap": ["100 nm", "300 nm"]},
}
RADIUS = "free.cpo.{}.parameters.modulator.radius"


def test_a_setting_reaches_into_a_list_of_groups_by_number(write):
    """One group only, though both take their parameters from one anchor."""
    other = GROUP | {"where": ["scale_out.switch_link.end_b"]}
    groups = {"free": {"cpo": [GROUP, other]}}
    found = write(groups, settings={RADIUS.format(1): "[4 um, 12 um]"})
    assert [one.paths[0] for one in found.free("cpo")] == [
        "scale_out.switch_link.end_a.modulator.gap_m",
        "scale_out.switch_link.end_b.modulator.gap_m",
        "scale_out.switch_link.end_b.modulator.radius_m",
    ]
    for path in (RADIUS.format(2), RADIUS.format("all"), "free.cpo.1"):
        with pytest.raises(InputError, match="--set: .*`free.cpo` with 0 to 1 for"):
            write(groups, settings={path: "[4 um, 12 um]"})
