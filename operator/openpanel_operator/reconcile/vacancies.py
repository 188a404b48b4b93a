"""Who waits for an object of a name that another resource has: told when it is gone or the other's no longer. No I/O."""

from dataclasses import dataclass

from openpanel_operator.kube import Key, Ref


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody was refused, and whose it was."""

    ref: Ref
    owner: Key | None


class Vacancies:
    """The resources that wait. Each pass ends at the first object that is refused, so each waits for one."""

    def __init__(self) -> None:
        self._wishes: dict[Key, _Wish] = {}

    def wait(self, key: Key, *, ref: Ref, owner: Key | None) -> None:
        """The resource was refused this object."""
        self._wishes[key] = _Wish(ref, owner)

    def forget(self, key: Key) -> None:
        """The resource was refused nothing, or is gone."""
        self._wishes.pop(key, None)

    def for_object(self, ref: Ref) -> list[Key]:
        """Who waits for this object."""
        return sorted(key for key, wish in self._wishes.items() if wish.ref == ref)

    def for_owner(self, owner: Key) -> list[Key]:
        """Who waits for something that this resource has."""
        return sorted(key for key, wish in self._wishes.items() if wish.owner == owner)
