"""Tests the settings of the tone of lineart: they survive being saved, and wrong ones are refused."""

import dataclasses

import pytest

from imaging.lineart import Normalization


def test_settings_round_trip() -> None:
    changed = Normalization(low=150, high=190, threshold=254, max_scale=2.5, min_ink=0.0, max_ink=0.9)
    assert Normalization.from_dict(changed.to_dict()) == changed
    assert set(changed.to_dict()) == {field.name for field in dataclasses.fields(Normalization)}


@pytest.mark.parametrize(
    "values, said",
    [
        ({"low": 180}, r"missing \['high', 'max_ink'"),
        (Normalization().to_dict() | {"gamma": 2}, r"unknown \['gamma'\]"),
        (Normalization().to_dict() | {"low": "180"}, "low must be a number, not '180'"),
        (Normalization().to_dict() | {"low": True}, "low must be a number, not True"),
        (Normalization().to_dict() | {"low": 180.5}, "low must be a number"),
        (Normalization().to_dict() | {"low": 210}, "low <= high"),
        (Normalization().to_dict() | {"high": 250}, "high < threshold"),
        (Normalization().to_dict() | {"max_scale": 0.5}, "max_scale must be at least 1"),
        (Normalization().to_dict() | {"max_scale": float("nan")}, "max_scale must be at least 1"),
        (Normalization().to_dict() | {"min_ink": 0.6}, "min_ink < max_ink"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Normalization.from_dict(values)
