"""Unit strings to SI floats, and the messages for what cannot be read."""

import pickle
import subprocess
import sys

import pytest

from helpers import assert_close
from photonflow.quantity import InputError, expected, nearest, parse, show
from photonflow.units import SUFFIX


@pytest.mark.parametrize(
    "text, unit, si",
    [
        ("5 um", "m", 5e-6),
        ("5 µm", "m", 5e-6),
        ("1310nm", "m", 1.31e-6),
        ("2 mm^2", "m^2", 2e-6),
        ("1e18 cm^-3", "1/m^3", 1e24),
        ("1e18 1/cm^3", "1/m^3", 1e24),
        ("-1.5 V", "V", -1.5),
        ("25 fF", "F", 25e-15),
        ("0.2 fF/um", "F/m", 2e-10),  # 0.2e-15 / 1e-6
        ("0.35 mW/mA", "W/A", 0.35),
        ("1.5 K/mW", "K/W", 1500.0),
        ("2.3 K*m/W", "K*m/W", 2.3),
        ("0.01 %/degC", "1/K", 1e-4),
        ("4 nV**2/Hz", "V^2/Hz", 4e-18),
        ("53.125 GBd", "Hz", 53.125e9),
        ("50 failures/1e9 h", "Hz", 1.38888888888889e-11),  # 50 / 1e9 / 3600
        ("3 pJ/bit", "J/bit", 3e-12),
        ("3 pJ/bit", "J/byte", 24e-12),
        ("200 Gbit/s", "bit/s", 200e9),
        ("25 GB/s", "bit/s", 200e9),
        ("80 GB", "byte", 80e9),
        ("80 GiB", "byte", 80 * 2**30),
        ("989 TFLOP/s", "FLOP/s", 989e12),
        ("0.6 pJ/FLOP", "J/FLOP", 0.6e-12),
        ("0.85", "1", 0.85),
        ("85 %", "1", 0.85),
        ("1e-3", "1", 1e-3),
    ],
)
def test_string_with_a_unit_becomes_si(text, unit, si):
    assert_close(parse(text, unit), si, rtol=1e-14)


@pytest.mark.parametrize(
    "text, unit, si",
    [
        ("3 dB", "dB", 3.0),
        ("-3 dBm", "dBm", -3.0),
        ("2 mW", "dBm", 3.01029995663981),  # 10 log10 2
        ("3 dBm", "W", 1.99526231496888e-3),  # 10^0.3 mW
        ("-152 dB/Hz", "1/Hz", 6.30957344480193e-16),  # 10^-15.2
        ("-152 dBc/Hz", "1/Hz", 6.30957344480193e-16),
        ("0.5 dB/km", "dB/m", 5e-4),
        ("3 dB/cm", "dB/m", 300.0),
        ("70 degC", "K", 343.15),
        ("-40 °C", "K", 233.15),
        ("343 K", "K", 343.0),
    ],
)
def test_logarithmic_and_celsius_units_are_read_by_hand(text, unit, si):
    assert_close(parse(text, unit), si, rtol=1e-14)


def test_value_is_the_decimal_that_was_written():
    """5 * 1e-6 is 4.9999999999999996e-06, and would lie below a range from 5 um."""
    assert parse("5 um", "m") == 5e-6
    assert parse("150 nm", "m") == 1.5e-7


def test_fractional_powers_of_hertz_cancel():
    assert_close(parse("2 pA/Hz**0.5*Hz**0.5", "A"), 2e-12, rtol=1e-14)
    assert_close(parse("2 pA/sqrt(Hz)*sqrt(Hz)", "A"), 2e-12, rtol=1e-14)


def test_difference_of_temperatures_has_no_offset():
    assert parse("20 degC", "K", delta=True) == 20.0
    assert parse("0.5 dB", "dBm", delta=True) == 0.5


def test_spread_of_a_linear_quantity_is_linear():
    with pytest.raises(InputError, match="linear units"):
        parse("1 dB/Hz", "1/Hz", delta=True)
    with pytest.raises(InputError):
        parse("1 dBm", "dBm", delta=True)


@pytest.mark.parametrize("number", [2.5e-8, "2.5e-8", "25 nm"])
def test_bare_number_is_si_where_it_is_allowed(number):
    assert parse(number, "m", bare=True) == 2.5e-8


@pytest.mark.parametrize(
    "text, unit, message",
    [
        ("25 fH", "m", "a length such as '25 nm'"),
        ("25", "m", "a unit is missing"),
        (25, "m", "a string in quotes"),
        (True, "1", "a string in quotes"),
        (None, "1", "a string in quotes"),
        ("", "1", "a plain number"),
        ("nan", "1", "a plain number"),
        ("1e400", "1", "finite"),
        ("5 pJ/b", "J/bit", "write bit or byte"),
        ("5 Gb/s", "bit/s", "write bit or byte"),
        ("5 b", "byte", "write bit or byte"),
        ("5 Gbps", "bit/s", "write bit or byte"),
        ("10 Gbit/s", "Hz", "a frequency"),
        ("1 TFLOP/s", "Hz", "a frequency"),
        ("-3 dB", "1", "only a field in dB takes dB"),
        ("-3 dB", "W", "a power"),
        ("3 W", "dB", "a ratio"),
        ("3 1/m", "dB/m", "a loss"),
        ("0 mW", "dBm", "above zero"),
        ("1e300 dBm", "W", "a power"),
        ("5 pJ/bit K", "J/bit", "after a slash"),
        ("5 nm 3", "m", "one number, then its unit"),
        ("1,5 um", "m", "one number, then its unit"),
        ("5 9**9**9**9 m", "m", "one number, then its unit"),
        ("5 m**99999999", "m", "one number, then its unit"),
        ("5 (nm", "m", "a length"),
        ("5 __import__", "m", "not a unit"),
    ],
)
def test_what_is_no_quantity_says_what_is_allowed(text, unit, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(text, unit)
    assert caught.value.got == text


def test_misspelt_unit_names_the_nearest():
    with pytest.raises(InputError, match="did you mean `GHz`") as caught:
        parse("5 ghz", "Hz")
    assert caught.value.nearest == "GHz"


@pytest.mark.parametrize("unit", SUFFIX)
def test_example_in_a_message_is_itself_readable(unit):
    examples = expected(unit).split("'")[1::2]
    assert examples
    for example in examples:
        parse(example, unit)


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (150e-9, "m", "150 nm"),
        (999.96e-9, "m", "1 um"),
        (2e3, "m", "2 km"),
        (0.0, "m", "0 m"),
        (5e-7, "m^2", "500000 um^2"),
        (4e-18, "V^2/Hz", "4 nV^2/Hz"),
        (1.6e12, "bit/s", "1.6 Tbit/s"),
        (3.35e12, "byte/s", "3.35 TB/s"),
        (5e-12, "J/bit", "5 pJ/bit"),
        (343.15, "K", "343.1 K"),
        (3600.0, "s", "3600 s"),
        (-3.2, "dBm", "-3.2 dBm"),
        (65536.0, "1", "65536"),
        (0.123456, "1", "0.1235"),
    ],
)
def test_value_is_shown_with_a_prefix(value, unit, text):
    assert show(value, unit) == text


@pytest.mark.parametrize("unit", SUFFIX)
@pytest.mark.parametrize("value", [1.23456e-15, 9.9999e-7, 7.0, 123456.0, 4.4e13])
def test_what_is_shown_can_be_read_back(value, unit):
    # Four digits: half a unit of the last one is at most 5e-4 of the value.
    assert_close(parse(show(value, unit), unit), value, rtol=5e-4)


def test_message_names_file_key_value_and_nearest():
    error = InputError("a length", got="25 fH", nearest="fm").at(file="x.yaml", key="r")
    assert str(error) == (
        "x.yaml: `r`: got '25 fH'; expected a length; did you mean `fm`?"
    )
    assert isinstance(error, ValueError)


def test_place_that_is_known_is_kept():
    error = InputError("a length", key="inner").at(file="x.yaml", key="outer")
    assert (error.file, error.key) == ("x.yaml", "inner")


def test_error_survives_the_way_between_processes():
    error = InputError("a length", got="25 fH", key="r", file="x.yaml")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_nearest_ignores_case_and_gives_up_on_strangers():
    assert nearest("Gap", ["gap", "radius"]) == "gap"
    assert nearest("radus", ["gap", "radius"]) == "radius"
    assert nearest("zzz", ["gap", "radius"]) is None


def test_unknown_target_unit_is_a_mistake_of_the_program():
    with pytest.raises(KeyError):
        parse("5 m", "furlong")


def test_importing_needs_neither_jax_nor_pint():
    code = (
        "import sys, photonflow.quantity; assert not {'jax', 'pint'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
