import pytest

from harness import Field, Settings, UserError
from harness.config import describe, parse


class Inner(Settings):
    depth: int = Field(1, ge=1, description="how deep")


class Example(Settings):
    beta: float = Field(4.0, ge=0, description="weight of the KL term")
    norm: str = "batch"
    sizes: tuple[int, ...] = (1, 2)
    inner: list[Inner] = Field([], description="tables")
    choice: int | None = None


def test_whole_numbers_are_floats_and_arrays_are_tuples():
    example = parse(Example, {"beta": 2, "sizes": [3, 4]}, "config")
    assert example.beta == 2.0
    assert example.sizes == (3, 4)


def test_settings_cannot_change():
    with pytest.raises(ValueError, match="frozen"):
        parse(Example, {}, "config").beta = 1.0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"bta": 1}, "models[0].config.bta: unknown key; did you mean 'beta'?"),
        ({"inner": [{"dept": 1}]}, "models[0].config.inner[0].dept: unknown key; did you mean 'depth'?"),
        ({"beta": "4"}, "models[0].config.beta: got '4', expected a valid number"),
        ({"beta": True}, "models[0].config.beta: got True"),
        ({"beta": -1}, "models[0].config.beta: got -1, expected greater than or equal to 0"),
        ({"choice": 1.5}, "models[0].config.choice: got 1.5"),
        ({"sizes": "x"}, "models[0].config.sizes: got 'x', expected a list"),
        ({"inner": {"depth": 2}}, "models[0].config.inner: got {'depth': 2}, expected a list; write [[inner]]"),
        ({"inner": ["deep"]}, "models[0].config.inner[0]: got 'deep', expected a table"),
    ],
)
def test_a_wrong_setting_names_its_place_and_the_reason(data, message):
    with pytest.raises(UserError) as caught:
        parse(Example, data, "models[0].config")
    assert message in str(caught.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(UserError) as caught:
        parse(Example, {"bta": 1, "norm": 3, "sizes": ["x"]}, "config")
    assert len(str(caught.value).splitlines()) == 3


def test_description_has_name_type_default_range_and_meaning():
    rows = {row["name"]: row for row in describe(Example)}
    assert rows["beta"] == {
        "name": "beta",
        "type": "float",
        "default": "4.0",
        "range": ">= 0",
        "meaning": "weight of the KL term",
    }
    assert rows["sizes"]["type"] == "tuple[int, ...]"
    assert rows["choice"]["type"] == "int | none"
