"""What every mapping of a study's YAML has in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Serialiser

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """A mapping of the YAML; unknown keys and wrong types are errors, nothing is converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _without_unset(self, serialise: Serialiser) -> dict[str, Any]:
        """What was not given and has no default is left out."""
        fields = type(self).model_fields
        unset = {name for name, field in fields.items() if field.default is None and getattr(self, name) is None}
        return {name: value for name, value in serialise(self).items() if name not in unset}


class Named(Settings):
    """Something by name, with options that are checked where they are used; a bare name will do."""

    model_config = ConfigDict(extra="allow")

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_bare_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
