"""Limits: declared once beside their models, read by search, tables and messages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import photonflow
from photonflow import limits
from photonflow.cards.classes import registry


PACKAGE = Path(photonflow.__file__).parent


def test_every_limit_is_declared_once_and_by_one_module():
    registry()
    sources = "\n".join(
        p.read_text("utf-8")
        for room in ("devices", "links", "compute", "cluster")
        for p in (PACKAGE / room).rglob("*.py")
    )
    names = re.findall(r'^[A-Z_]+ = limit\(\s*"(\w+)"', sources, flags=re.MULTILINE)
    assert len(names) == len(set(names)) >= 19
    assert all(limits.declared(name) for name in names)


def test_a_slack_is_met_to_what_a_root_solve_leaves():
    assert limits.met(-0.9e-6) and limits.met(0.0)
    assert not limits.met(-1.1e-6)
    assert not limits.met(float("nan"))


def test_a_limit_that_nobody_declared_counts_at_the_worst_corner_and_keeps_its_name():
    found = limits.find("drop_coolant_flow")
    assert found.label == "coolant flow, drop filters"
    assert not found.nominal and found.light is None
    assert found.explanation(-0.25).startswith("coolant flow: slack -0.25")
    assert found.explanation(-0.25).endswith("(drop filters)")


def test_two_modules_cannot_mean_different_limits_by_one_name():
    registry()
    with pytest.raises(ValueError, match="`fold` is declared by .*ring_heating"):
        limits.limit("fold", "another")
    ours = limits.limit("test_limits_own", "first words")
    assert limits.find("test_limits_own") == ours
    # A cell of a notebook may run twice.
    limits.limit("test_limits_own", "better words")
    assert limits.find("test_limits_own").label == "better words"


def test_a_stored_result_is_drawn_with_the_labels_of_models_that_nobody_imported():
    code = "from photonflow.result.labels import limit; print(limit('fold').label)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == limits.find("fold").label != "fold"
