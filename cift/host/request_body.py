"""Parse the JSON body of a request.

pydantic parses JSON itself, which is fast, but turns a number with decimals into a float. Amounts refuse
floats; only then the body is parsed again by a slower parser that keeps such numbers exact, as `Decimal`.
A body whose amounts are strings or whole numbers is parsed once.
"""

import json
from decimal import Decimal
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cift.contracts.amounts import FLOAT_AMOUNT
from cift.kernel.errors import Refused

Body = TypeVar("Body", bound=BaseModel)


def parse_body(model: type[Body], data: bytes) -> Body:
    """The body as a `model`.

    Raises:
        ValidationError: it is not JSON, or not such a body.
        Refused: `invalid_json`: a number has too many digits.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if not any(problem["type"] == FLOAT_AMOUNT for problem in error.errors(include_url=False)):
            raise
    try:
        value = json.loads(data, parse_float=Decimal)
    except (ValueError, ArithmeticError):
        # The first parser has read it, so its form is right; this one limits digits and exponents.
        raise Refused("invalid_json", "The body has a number with too many digits", status=400) from None
    return model.model_validate(value)
