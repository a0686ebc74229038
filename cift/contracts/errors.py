"""The form of every error response."""

from pydantic import BaseModel, ConfigDict, Field


class ErrorView(BaseModel):
    """The body of every 4xx and 5xx response."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="For programs; stable.", examples=["insufficient_buying_power"])
    message: str = Field(description="For people.")
    field: str | None = Field(None, description="The field of the request that is wrong, where there is one.")
    request_id: str = Field(description="The X-Request-ID of this request.")
    id: str | None = Field(
        None, description="With outcome_unknown: the id to look it up by. With a refused order: its id."
    )


class AlpacaErrorView(BaseModel):
    """The body of every 4xx and 5xx response to clients that were written for Alpaca; further fields hold the
    facts of the refusal."""

    code: int = Field(description="Alpaca's number of the error.", examples=[40310000])
    message: str = Field(description="Alpaca's sentence.", examples=["insufficient buying power"])
    reason: str = Field(description="Our name of the error.", examples=["insufficient_buying_power"])
    detail: str | None = Field(None, description="Our sentence, where it has more facts.")
    request_id: str = Field(description="The X-Request-ID of this request.")
    order_id: str | None = Field(
        None, description="The refused order, or with outcome_unknown the id to look up."
    )
