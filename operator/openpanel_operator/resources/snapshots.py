"""Where a `PanelCluster` keeps copies of projects that were deleted with the policy Snapshot."""

from pydantic import Field

from openpanel.tenancy.fields import DnsSubdomain
from openpanel.tenancy.part import Part
from openpanel_operator.resources.forms import BucketAddress


class Snapshots(Part):
    """A folder of an S3-compatible store, which the ClickHouse servers must reach."""

    url: BucketAddress = Field(
        description="Address with the bucket, and a folder in it if wanted, such as https://s3.example.com/bucket/panel."
    )
    secret_name: DnsSubdomain | None = Field(
        default=None,
        description="Secret with the keys accessKeyId and secretAccessKey; left out: the servers' own credentials.",
    )
