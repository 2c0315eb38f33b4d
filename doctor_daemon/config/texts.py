"""What stands under each option of a model, read from the source when somebody asks.

Pydantic can keep these texts itself, and then reads and parses the source of every model at every
start: a tenth of the time that a command takes, for what a page and a complaint need.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel


def texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts of a model's options, those of its parents included.

    An option without one, and a model whose source is not there, have none.
    """
    found: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if issubclass(part, BaseModel) and part is not BaseModel:
            found |= _own(part)
    described = {name: field.description for name, field in model.model_fields.items()}
    return found | {name: text for name, text in described.items() if text}


def _own(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = inspect.getsource(model)
    except OSError:
        return {}
    [body] = ast.parse(textwrap.dedent(source)).body
    found: dict[str, str] = {}
    for option, text in pairwise(getattr(body, "body", [])):
        match option, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(told))),
            ):
                found[name] = inspect.cleandoc(told)
            case _:
                pass
    return found
