"""What a `PanelCluster` says of the times at which its pods may be restarted."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy.fields import Duration, TimeZone
from openpanel.tenancy.part import Part
from openpanel_operator.resources import agreement
from openpanel_operator.resources.forms import TimeOfDay

Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MOST_WINDOWS: Final = 20


class Window(Part):
    """A time that comes again every week or every day."""

    days: list[Day] = Field(
        default_factory=list, max_length=7, description="Days on which it opens; left out: every day."
    )
    start: TimeOfDay = Field(description='When it opens, such as "02:00".')
    duration: Duration = Field(
        description="How long it is open, from 10m to 24h, such as 2h; it may go over midnight."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.window_fits(self.days, duration=self.duration)
        return self


class Maintenance(Part):
    """When what restarts pods may begin; what heals, what scales and what needs no restart never waits."""

    time_zone: TimeZone = Field(
        default="UTC", description="Time zone of the windows, which follow its changes of the clock."
    )
    windows: list[Window] = Field(
        default_factory=list,
        max_length=MOST_WINDOWS,
        description="Windows within which restarts of stores and shared services begin; none: at once.",
    )
