"""The generator, on models of its own."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from openpanel.tenancy.fields import DNS_LABEL, Quantity
from openpanel.tenancy.part import Part
from openpanel_operator.resources.rules import Rule, Rules
from openpanel_operator.resources.schema import structural

NO_RULES = Rules()
Key = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL.pattern)]


class Leaf(Part):
    """A part with a default."""

    size_limit: int = Field(default=3, ge=1, le=5, description="How large.")


class Tree(Part):
    """A part with everything."""

    kind: Literal["A", "B"] = Field(description="Which.")
    odd: Literal[1, 3] = Field(default=1, description="How many.")
    leaf: Leaf = Field(default_factory=Leaf, description="A part.")
    other: Leaf | None = Field(default=None, description="A part that may be left out.")
    leaves: list[Leaf] = Field(default_factory=list, max_length=2, description="Parts.")
    named: dict[Key, str] = Field(default_factory=dict, max_length=9, description="Texts by name.")
    amount: Quantity | None = Field(default=None, description="How much.")
    large: int | None = Field(default=None, le=2**40, description="A large number.")
    title: str = Field(default="", description="A text.")


def test_a_part_is_an_object_with_its_fields_in_camel_case() -> None:
    assert structural(Leaf, rules=NO_RULES) == {
        "type": "object",
        "description": "A part with a default.",
        "properties": {
            "sizeLimit": {
                "type": "integer",
                "format": "int32",
                "minimum": 1,
                "maximum": 5,
                "default": 3,
                "description": "How large.",
            }
        },
    }


def test_what_has_no_default_is_required_unless_it_may_be_left_out() -> None:
    assert structural(Tree, rules=NO_RULES)["required"] == ["kind"]


def test_choices_are_enumerated() -> None:
    fields = structural(Tree, rules=NO_RULES)["properties"]

    assert (fields["kind"]["type"], fields["kind"]["enum"]) == ("string", ["A", "B"])
    assert (fields["odd"]["type"], fields["odd"]["enum"], fields["odd"]["default"]) == ("integer", [1, 3], 1)


def test_a_part_is_filled_in_with_all_its_defaults() -> None:
    fields = structural(Tree, rules=NO_RULES)["properties"]

    assert fields["leaf"]["default"] == {"sizeLimit": 3}
    assert "default" not in fields["other"]


def test_empty_lists_maps_and_texts_are_left_out() -> None:
    fields = structural(Tree, rules=NO_RULES)["properties"]

    assert not [name for name in ("leaves", "named", "title") if "default" in fields[name]]


def test_keys_of_a_map_are_checked_by_a_rule() -> None:
    named = structural(Tree, rules=NO_RULES)["properties"]["named"]

    assert (named["maxProperties"], named["additionalProperties"]) == (9, {"type": "string"})
    assert [rule["rule"] for rule in named["x-kubernetes-validations"]] == [
        f"self.all(key, size(key) <= 63 && key.matches(r'{DNS_LABEL.pattern}'))"
    ]


def test_a_quantity_is_a_number_or_a_text() -> None:
    amount = structural(Tree, rules=NO_RULES)["properties"]["amount"]

    assert amount["x-kubernetes-int-or-string"]
    assert "type" not in amount


def test_a_large_number_is_said_to_be_one() -> None:
    assert structural(Tree, rules=NO_RULES)["properties"]["large"]["format"] == "int64"


def test_rules_and_keys_stand_where_they_belong() -> None:
    small = Rule("self.sizeLimit < 5", "sizeLimit must be less than 5", at=".sizeLimit")
    rules = Rules(of={Part: (), Leaf: (small,)}, keys={(Tree, "leaves"): "sizeLimit"})

    leaves = structural(Tree, rules=rules)["properties"]["leaves"]

    assert leaves["x-kubernetes-list-map-keys"] == ["sizeLimit"]
    assert leaves["items"]["x-kubernetes-validations"] == [
        {
            "rule": "self.sizeLimit < 5",
            "message": "sizeLimit must be less than 5",
            "reason": "FieldValueInvalid",
            "fieldPath": ".sizeLimit",
        }
    ]
