"""Changes of profiles and groups of one block: collected while its messages are read, applied all at once.

Current rows are read once per block and kept while the shard is held; whoever takes a shard calls `forget`, because
another worker may have changed them. The rows of the block before may not be written yet, so what it changed is
always kept. A change that cannot be applied, for whatever reason, is told, and the others of its profile count.
"""

from collections.abc import Callable
from typing import Final

import structlog

from openpanel.stream.drain import Message
from openpanel.warehouse import Warehouse
from openpanel.wire.messages import GroupPayload
from openpanel_worker import dead_letters
from openpanel_worker.batch import Batch
from openpanel_worker.current import Key, current_groups, current_profiles
from openpanel_worker.fragments import Fragments
from openpanel_worker.groups import Group, group_row, left_of_description, regrouped
from openpanel_worker.profiles import Change, NotANumber, Profile, changed, left_of_change, profile_row

MAX_KEPT: Final = 20_000  # profiles, and as many groups

Refuse = Callable[[Message, str, str], None]  # message, reason, detail

_log = structlog.get_logger(__name__)


class People:
    """The profiles and groups that one drain worker changes. Not shared between threads."""

    def __init__(self, warehouse: Warehouse, *, fragments: Fragments) -> None:
        self._warehouse = warehouse
        self._fragments = fragments
        self._profiles: dict[Key, Profile] = {}
        self._groups: dict[Key, Group] = {}
        self._changes: dict[Key, list[tuple[Change, Message]]] = {}
        self._descriptions: dict[Key, list[tuple[GroupPayload, Message]]] = {}

    def forget(self) -> None:
        """Trust nothing that was read before."""
        self._profiles.clear()
        self._groups.clear()

    def begin(self) -> None:
        """Begin a block."""
        self._changes.clear()
        self._descriptions.clear()

    def change(self, message: Message, profile: str, change: Change) -> None:
        """Take note of a change of a profile."""
        self._changes.setdefault((message.envelope.project, profile), []).append((change, message))

    def describe(self, message: Message, payload: GroupPayload) -> None:
        """Take note of what is said about a group."""
        self._descriptions.setdefault((message.envelope.project, payload.id), []).append((payload, message))

    def apply(self, batch: Batch, *, refuse: Refuse, is_of_before: Callable[[Profile], bool]) -> None:
        """Add the new rows to the batch. Nothing is kept unless all of it could be read.

        `is_of_before`: whether the profile is of an erased person, as it was before, so that nothing builds on it.
        """
        profiles = self._read_profiles(is_of_before)
        groups = self._read_groups()
        for key, changes in self._changes.items():
            self._profiles[key] = self._apply_changes(profiles[key], changes, batch, refuse)
        for key, descriptions in self._descriptions.items():
            self._groups[key] = self._apply_descriptions(groups[key], descriptions, batch, refuse)
        if len(self._profiles) > MAX_KEPT:
            self._profiles = {key: self._profiles[key] for key in self._changes}
        if len(self._groups) > MAX_KEPT:
            self._groups = {key: self._groups[key] for key in self._descriptions}

    def _apply_changes(
        self, profile: Profile, changes: list[tuple[Change, Message]], batch: Batch, refuse: Refuse
    ) -> Profile:
        before = profile
        for change, message in changes:
            try:
                after = changed(profile, change, order=message.order, at_ms=message.item.at_ms)
                if after is not profile and (rest := left_of_change(after, change)):
                    refuse(message, dead_letters.NO_ROOM, rest)
                profile = after
            except NotANumber as error:
                refuse(message, dead_letters.NO_NUMBER, f"the property holds {str(error)!r}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up its neighbours
                _log.exception("profile cannot be changed")
                refuse(message, dead_letters.UNEXPECTED, repr(error))
        if profile is not before:
            batch.profiles.add(profile_row(profile, self._fragments), changes[-1][1])
        return profile

    def _apply_descriptions(
        self, group: Group, descriptions: list[tuple[GroupPayload, Message]], batch: Batch, refuse: Refuse
    ) -> Group:
        before = group
        for payload, message in descriptions:
            try:
                after = regrouped(group, payload, order=message.order, at_ms=message.item.at_ms)
                if after is not group and (rest := left_of_description(after, payload)):
                    refuse(message, dead_letters.NO_ROOM, rest)
                group = after
            except Exception as error:  # noqa: BLE001 - as for profiles
                _log.exception("group cannot be described")
                refuse(message, dead_letters.UNEXPECTED, repr(error))
        if group is not before:
            batch.groups.add(group_row(group, self._fragments), descriptions[-1][1])
        return group

    def _read_profiles(self, is_of_before: Callable[[Profile], bool]) -> dict[Key, Profile]:
        missing = [key for key in self._changes if key not in self._profiles]
        found = current_profiles(self._warehouse, missing) if missing else {}
        known = {key: self._profiles.get(key) or found.get(key) for key in self._changes}
        return {
            key: Profile(*key) if profile is None or is_of_before(profile) else profile
            for key, profile in known.items()
        }

    def _read_groups(self) -> dict[Key, Group]:
        missing = [key for key in self._descriptions if key not in self._groups]
        found = current_groups(self._warehouse, missing) if missing else {}
        return {key: self._groups.get(key) or found.get(key) or Group(*key) for key in self._descriptions}
