"""What is told of an option: by its own text, its parent's, or nothing."""

from __future__ import annotations

from pydantic import BaseModel, Field, create_model

from doctor_daemon.config.texts import texts


class Parent(BaseModel):
    """Options of a parent."""

    first: int = 1
    """What the parent says
    over two lines."""
    silent: int = 2
    described: int = Field(default=3, description="by its field")


class Child(Parent):
    """And more of them."""

    second: int = 2
    """What the child says."""


def test_a_text_stands_under_its_option_or_in_its_field() -> None:
    assert texts(Child) == {
        "first": "What the parent says\nover two lines.",
        "described": "by its field",
        "second": "What the child says.",
    }


def test_a_model_without_a_source_has_only_what_its_fields_say() -> None:
    made = create_model("Made", some=(int, Field(default=1, description="said")), other=(int, 2))
    assert texts(made) == {"some": "said"}
