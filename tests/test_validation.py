"""Reading files of cases."""

import json

import pydantic
import pytest

from photonflow.quantity import InputError
from photonflow.validation import cases
from photonflow.validation.cases import read


ROW = {
    "id": "half",
    "kind": "splitter",
    "class": "identity",
    "source": "a book",
    "verified": True,
    "inputs": {"arms": 2},
    "outputs": {"share": 0.5},
    "tolerance": {"rel": 1e-9},
    "note": "",
}


def test_the_shipped_cases_are_read_in_order_and_cannot_be_changed():
    found = cases("optical")
    assert found[0].id == "clements_counts"
    assert {case.class_ for case in found} == {"identity", "arithmetic", "prediction"}
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        found[0].id = "other"


def test_a_misspelt_file_is_named_with_its_neighbour():
    with pytest.raises(InputError, match="optcal.*did you mean `optical`"):
        cases("optcal")


@pytest.mark.parametrize(
    "text, message",
    [
        ("[", "f.json: .*expected JSON"),
        ("{}", "'dict'; expected a list"),
        (json.dumps([1]), "f.json: `0`: .*dictionary"),
        (json.dumps([ROW, ROW]), "`half`: comes twice; expected each id once"),
        (json.dumps([ROW | {"class": "guess"}]), "`half.class`: .*'prediction'"),
        (json.dumps([ROW | {"verified": "yes"}]), "`half.verified`: .*boolean"),
        (json.dumps([ROW | {"tolerance": {"rel": "1%"}}]), "`half.tolerance.rel`"),
        (json.dumps([ROW | {"unit": "m"}]), "`half.unit`: Extra inputs"),
        (json.dumps([{"id": "half"}]), "`half.kind`: Field required"),
    ],
)
def test_a_malformed_file_names_row_and_key(text, message):
    with pytest.raises(InputError, match=message):
        read(text, "f.json")
