"""Compiled programs that are kept: found again, bounded, and never trusted blindly."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from photonflow.compilation import cache, traces
from photonflow.compilation.cache import Programs, cache_folder
from photonflow.signal.pattern import light
from photonflow.signal.pulse import Grid


ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
import jax, jax.numpy as jnp
import photonflow as pf

pf.enable_x64()
pf.enable_cache()
compiled = []
jax.monitoring.register_event_listener(lambda name, **_: compiled.append(name))
print(jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones(3)))
hits = compiled.count("/jax/compilation_cache/cache_hits")
asked = compiled.count("/jax/compilation_cache/compile_requests_use_cache")
print(f"{hits} of {asked}" if asked else "off")
"""


TRACED = """
import sys
import equinox as eqx, jax, jax.numpy as jnp
import photonflow as pf
from photonflow.experiment import link

pf.enable_x64()
pf.enable_cache(traces=True)
lowered = []
done = "/jax/core/compile/jaxpr_to_mlir_module_duration"
def listen(name, seconds, fun_name="", **_):
    if name == done and "_budgets" in fun_name:
        lowered.append(fun_name)
jax.monitoring.register_event_duration_secs_listener(listen)

def end_w(of):
    solved = link.solve_link("passive-dac-800g", {}, pf.cards.Library())
    at = {"worst": solved.at["worst"], "nominal": solved.at["nominal"]}
    return float(link.evaluate(of(solved.link), at)[0]["worst"].end_a.static_w["fec"])

print(end_w(lambda link: link))
print(len(lowered))
lowered.clear()

class Mine(type(pf.load("kp4"))):
    pass

def mine(link):
    fec = link.fec
    own = Mine(**{f: getattr(fec, f) for f in fec.__dataclass_fields__})
    return eqx.tree_at(lambda x: x.fec, link, own)

end_w(mine)
print(len(lowered))
"""


def run(program, folder):
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PHOTONFLOW_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return *done.stdout.splitlines(), done.stderr


def compute(folder):
    """Three sines times themselves, how many programs were found, and stderr."""
    return run(PROGRAM, folder)


def programs(folder):
    return sorted(folder.glob("jaxlib-*/*"))


def key(name):
    return f"jit_{name}-0123abcd"


def test_a_second_process_compiles_nothing_and_says_nothing(tmp_path):
    first = compute(tmp_path)
    asked = first[1].split(" of ")[1]
    assert first[1:] == (f"0 of {asked}", "")
    assert compute(tmp_path) == (first[0], f"{asked} of {asked}", "")


def test_broken_programs_are_compiled_again_and_replaced(tmp_path):
    value, _, _ = compute(tmp_path)
    whole = {file: file.read_bytes() for file in programs(tmp_path)}
    for place, (file, data) in enumerate(whole.items()):
        file.write_bytes([b"", data[:-1], b"no program"][place % 3])
    again, found, said = compute(tmp_path)
    assert (again, found.split(" of ")[0], said) == (value, "0", "")
    assert compute(tmp_path)[1].split(" of ")[0] != "0"


def test_commands_find_a_program_without_a_trace_unless_a_class_is_not_ours(tmp_path):
    watts, lowered, of_mine, _ = run(TRACED, tmp_path)
    assert int(lowered) == int(of_mine) == 1
    again, lowered, of_mine, _ = run(TRACED, tmp_path)
    assert (again, lowered, of_mine) == (watts, "0", "1")


def test_a_trace_is_named_by_what_its_arguments_are_not_by_who_holds_them():
    once = Grid(64, 4)
    names = [
        traces._trace_key(light, held)
        for held in ((once, once), (Grid(64, 4), Grid(64, 4)), (once, Grid(64, 8)))
    ]
    assert names[0] == names[1] != names[2]
    with jax.debug_nans(True):
        assert traces._trace_key(light, (once, once)) != names[0]


def test_static_arguments_that_are_equal_may_be_of_several_types(tmp_path, monkeypatch):
    def shifted(n, x):
        return x + 1000.0 if isinstance(n, bool) else x * n

    shifted.__module__, shifted.__qualname__ = "photonflow.mine", "shifted"
    monkeypatch.setattr(cache, "kept_traces", Programs(tmp_path))
    program = traces.persistent_jit(shifted, static_argnums=(0,))
    found = [program(n, jnp.ones(())) for n in (1.0, True, 1.0)]
    assert list(map(float, found)) == [1.0, 1001.0, 1.0]


def test_what_no_name_stands_for_is_left_to_jax(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "kept_traces", Programs(tmp_path))
    part = functools.partial(light, pam=4)
    held: list = [light]
    held.append(held)
    assert traces._trace_key(part, ()) is None
    assert traces._trace_key(light, held) is None


def test_a_folder_that_cannot_be_used_costs_one_line_and_no_result(tmp_path):
    value, _, _ = compute(tmp_path / "good")
    (tmp_path / "file").write_text("")
    again, found, said = compute(tmp_path / "file")
    assert (again, found) == (value, "off")
    assert len(said.splitlines()) == 1 and "are not kept" in said


def test_programs_of_another_cpu_or_version_are_left_alone(tmp_path):
    other = tmp_path / "jaxlib-0.0.1-x86_64-000000000000" / "jit_f-00"
    other.parent.mkdir()
    other.write_bytes(b"another machine's")
    compute(tmp_path)
    assert other.read_bytes() == b"another machine's"
    assert len({file.parent for file in programs(tmp_path)}) == 2


def test_a_full_disk_ends_the_keeping_with_one_line(tmp_path, monkeypatch, caplog):
    kept = Programs(tmp_path / "jaxlib-here")
    kept._path.mkdir()

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for name in "abc":
        kept.put(key(name), b"program")
    assert [record.message.count("No space left") for record in caplog.records] == [1]
    assert kept.get(key("a")) is None and not programs(tmp_path)


def test_beyond_the_limit_the_least_recently_used_programs_go(tmp_path):
    folder = tmp_path / "jaxlib-here"
    folder.mkdir()
    # Each takes 100 + 4 byte of checksum; 0.8 * 500 byte hold three of them.
    kept = Programs(folder, limit_byte=500)
    for age, name in enumerate("abcd"):
        kept.put(key(name), bytes(100))
        os.utime(folder / key(name), (age, age))
    assert kept.get(key("a")) == bytes(100)  # the oldest, but used just now
    kept.put(key("e"), bytes(100))
    assert [kept.get(key(name)) is not None for name in "abcde"] == [
        *[True, False, False, True, True]
    ]


def test_two_processes_may_keep_and_remove_the_same_programs(tmp_path):
    folder = tmp_path / "jaxlib-here"
    folder.mkdir()
    one, two = (Programs(folder, limit_byte=500) for _ in range(2))
    one.put(key("a"), b"program")
    # The last bits of what two compile may differ: both go on with the first.
    two.put(key("a"), b"compiled later")
    assert two.get(key("a")) == one.get(key("a")) == b"program"
    assert [file.name for file in folder.iterdir()] == [key("a")]
    for file in folder.iterdir():
        file.unlink()
    assert one.get(key("a")) is None
    for name in "bcdefgh":  # trims, although what it counted is gone
        one.put(key(name), bytes(100))
    assert two.get(key("h")) == bytes(100)


@pytest.mark.parametrize(
    "environment, folder",
    [
        ({"PHOTONFLOW_CACHE_DIR": "/a", "JAX_COMPILATION_CACHE_DIR": "/b"}, "/a"),
        ({"JAX_COMPILATION_CACHE_DIR": "/b", "XDG_CACHE_HOME": "/c"}, "/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/photonflow"),
        ({"XDG_CACHE_HOME": "not/absolute"}, Path.home() / ".cache/photonflow"),
        ({}, Path.home() / ".cache/photonflow"),
    ],
)
def test_the_folder_is_the_first_that_the_environment_names(environment, folder):
    assert cache_folder(environment) == Path(folder)
