"""Profiles as answers show them."""

from typing import Any

from openpanel.analytics.described_profiles import DescribedProfile
from openpanel_api.public.moments import moment_json


def profile_json(profile: DescribedProfile) -> dict[str, Any]:
    """The profile beside an event."""
    return {
        "id": profile.profile_id,
        "firstName": profile.first_name,
        "lastName": profile.last_name,
        "email": profile.email,
        "avatar": profile.avatar,
        "properties": profile.properties,
        "groups": list(profile.groups),
        "createdAt": moment_json(profile.created_at),
    }
