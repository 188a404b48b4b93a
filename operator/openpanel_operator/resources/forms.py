"""The scalar types of a `PanelCluster` that a project does not have: images, versions, volume sizes, labels."""

from typing import Annotated, Final

from pydantic import StringConstraints

from openpanel.tenancy.fields import MEANING, Shape

IMAGE: Final = Shape(
    r"^[a-z0-9]([-a-z0-9._/:]*[a-z0-9])?(:[A-Za-z0-9_][-A-Za-z0-9_.]*)?(@sha256:[0-9a-f]{64})?$",
    "an image reference, such as registry.example.com/openpanel-api:1.2.3 or one that ends with @sha256:…",
)
REGISTRY: Final = Shape(
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9][-a-z0-9._]*)*$",
    "a registry and path without a slash at the end, such as registry.example.com/openpanel",
)
TAG: Final = Shape(
    r"^[A-Za-z0-9_][-A-Za-z0-9_.]*$", "an image tag: letters, digits, '_', '.' and '-', such as 1.2.3"
)
VOLUME: Final = Shape(r"^[1-9][0-9]*(Mi|Gi|Ti|Pi)$", "a volume size in whole Mi, Gi, Ti or Pi, such as 100Gi")
LABEL_KEY: Final = Shape(
    r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    "a Kubernetes label key, such as disktype or example.com/pool",
)
LABEL_VALUE: Final = Shape(
    r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
    "letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, at most 63 characters",
)
SETTING: Final = Shape(r"^[a-z][a-z0-9_.]*$", "a ClickHouse setting's name, such as max_concurrent_queries")
FILE: Final = Shape(
    r"^[A-Za-z0-9_][-A-Za-z0-9_.]*$", "a file name without a path, such as GeoLite2-City.mmdb"
)
HEADER: Final = Shape(r"^[A-Za-z0-9-]+$", "an HTTP header's name, such as CF-Connecting-IP")
TIME_OF_DAY: Final = Shape(
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time of day from 00:00 to 23:59, in quotes, such as '02:30'"
)
BUCKET: Final = Shape(
    r"^https?://([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)+"
    r"|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+){2,}(:[0-9]{1,5})?)$",
    "an address with a bucket and without a slash at the end, such as https://s3.example.com/bucket/folder",
)

SHAPES: Final = (
    IMAGE,
    REGISTRY,
    TAG,
    VOLUME,
    LABEL_KEY,
    LABEL_VALUE,
    SETTING,
    FILE,
    HEADER,
    TIME_OF_DAY,
    BUCKET,
)
MEANINGS: Final = {**MEANING, **{shape.pattern: shape.meaning for shape in SHAPES}}

Image = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=IMAGE.pattern)]
Registry = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=REGISTRY.pattern)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TAG.pattern)]
VolumeSize = Annotated[str, StringConstraints(min_length=3, max_length=20, pattern=VOLUME.pattern)]
LabelKey = Annotated[str, StringConstraints(min_length=1, max_length=317, pattern=LABEL_KEY.pattern)]
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE.pattern)]
SettingName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=SETTING.pattern)]
SettingValue = Annotated[str, StringConstraints(max_length=1_000)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=FILE.pattern)]
Header = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=HEADER.pattern)]
BucketAddress = Annotated[str, StringConstraints(max_length=500, pattern=BUCKET.pattern)]
TimeOfDay = Annotated[str, StringConstraints(max_length=5, pattern=TIME_OF_DAY.pattern)]
AnnotationValue = Annotated[str, StringConstraints(max_length=4_096)]
