"""The one form of every error answer."""

from pydantic import BaseModel, ConfigDict, Field


class ErrorView(BaseModel):
    """What every 4xx and 5xx answer holds."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="For programs; stable.", examples=["insufficient_buying_power"])
    message: str = Field(description="For people.")
    field: str | None = Field(None, description="The field of the request that is meant, where one is.")
    request_id: str = Field(description="The X-Request-ID of this request.")
    id: str | None = Field(None, description="With outcome_unknown: what to look it up by.")
