"""How the instants of a visitor become one way through the steps: the fold, and the times of the way that counts.

An instant is a number: 42 bits of milliseconds, 10 bits of the steps whose attempts are ended by what happened then, 10
bits of the steps that were met. A visitor's instants are sorted in an array. The rules stand in `attempts`. Pure text.
"""

from typing import Final, NamedTuple

from openpanel.analytics.statements import fill

STEP_BITS: Final = 10


class Way(NamedTuple):
    """The fold over `instants`, and what makes `times` of what it leaves as `followed`."""

    fold: str
    times: str


def packed(at: str, *, steps: str, ends: str) -> str:
    """One event as an instant."""
    return f"bitOr(bitShiftLeft(toUInt64({at}), 20), toUInt64(({ends}) * 1024 + {steps}))"


# What happened at the same millisecond is one instant. Nearly nobody has such, so the rest is not done for all.
WHOLE: Final = """\
if(
            length(arrayCompact(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))) = length(seen_at),
            seen_at,
            arrayMap(
                at_once -> arrayReduce('groupBitOr', at_once),
                arraySplit(
                    (instant, since) -> since != 0,
                    seen_at,
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at)))))"""


def one_after_the_other(count: int, *, window: str, strict: bool) -> Way:
    """`so_far` has when the attempt began that is at step 1, 2, …, and of the best one how far it got and its beginning.

    Of those that are equally far only the one that began last is kept: what takes it further takes the others
    further too, and it has the most time left. From its beginning the times of the best follow, each as early as it
    can be.
    """
    moved = ["bitTest(instant, 0)"] + [
        f"(bitTest(instant, {number}) AND so_far.{number} > 0 AND {_AT} - so_far.{number} <= {window})"
        for number in range(1, count)
    ]
    parts = []
    for number in range(1, count + 1):
        after = f"so_far.{number - 1}" if number > 1 else _AT
        left = moved[number] if number < count else "0"
        ended = "1" if strict else f"({left} OR bitTest(instant, {STEP_BITS + number - 1}))"
        parts.append(f"multiIf({moved[number - 1]}, {after}, {ended}, toInt64(0), so_far.{number})")
    parts += _furthest("so_far", count)
    fold = fill(_FOLD, next=", ".join(parts), nothing=", ".join(["toInt64(0)"] * (count + 2)))
    return Way(fold, _times(count))


def in_any_order(count: int, *, window: str, until: str) -> Way:
    """`so_far` has when each step was done last, the last instant of the period, and both as they were at the best.

    The attempt is what of the steps lies within the window. It begins in the period: where every step was done again
    after it, one of those that were met at its last instant was done then.
    """
    until = f"toUnixTimestamp64Milli({until})"
    last = [
        f"multiIf(bitTest(instant, {bit}), {_AT}, bitTest(instant, {STEP_BITS}), toInt64(0), so_far.{bit + 1})"
        for bit in range(count)
    ]
    begin, best, best_begin = (f"so_far.{count + place}" for place in (1, 2, 3))
    begun = (
        f"multiIf({_AT} < {until} AND {_STEPS} != 0, instant, "
        f"bitTest(instant, {STEP_BITS}), toUInt64(0), {begin})"
    )
    done = f"arrayMap(at -> if(at >= {_AT} - {window}, at, 0), [{', '.join(last)}])"
    in_period = f"{begun} != 0 AND toInt64(bitShiftRight({begun}, 20)) >= {_AT} - {window}"
    better = f"{in_period} AND countEqual({done}, 0) < countEqual({best}, 0)"
    following = [*last, begun, f"if({better}, {done}, {best})", f"if({better}, {begun}, {best_begin})"]
    nothing = ["toInt64(0)"] * count + [
        "toUInt64(0)",
        f"arrayWithConstant({count}, toInt64(0))",
        "toUInt64(0)",
    ]
    fold = fill(_FOLD, next=", ".join(following), nothing=", ".join(nothing))
    return Way(
        fold, fill(_IN_ANY_ORDER, best=f"followed.{count + 2}", begin=f"followed.{count + 3}", until=until)
    )


_STEPS: Final = f"bitAnd(instant, {2**STEP_BITS - 1})"

# Of the steps that were met at the beginning, the one that was repeated first is done there: so the rest is latest.
_IN_ANY_ORDER: Final = f"""\
arraySort(arrayFilter(
        at -> at > 0,
        if(
            arrayExists(at -> at > 0 AND at < <<until>>, <<best>>),
            <<best>>,
            arrayMap(
                (at, step) -> if(
                    step = arraySort(
                        met -> <<best>>[met + 1],
                        bitPositionsToArray(bitAnd(<<begin>>, {2**STEP_BITS - 1})))[1] + 1,
                    toInt64(bitShiftRight(<<begin>>, 20)),
                    at),
                <<best>>,
                arrayEnumerate(<<best>>)))))"""


_AT: Final = "toInt64(bitShiftRight(instant, 20))"
_FOLD: Final = "arrayFold((so_far, instant) -> (<<next>>), instants, (<<nothing>>))"


def _furthest(found: str, count: int) -> tuple[str, str]:
    """How far the best attempt got and when it began: one that is further now, else the one that was there first."""
    best, begin = f"{found}.{count + 1}", f"{found}.{count + 2}"
    better = [(number, f"{found}.{number} > 0 AND {best} < {number}") for number in range(count, 0, -1)]
    return (
        f"multiIf({', '.join(f'{each}, toInt64({number})' for number, each in better)}, {best})",
        f"multiIf({', '.join(f'{each}, {found}.{number}' for number, each in better)}, {begin})",
    )


def _times(count: int) -> str:
    """When each step of the best attempt was done: aliases of their own, one after the other."""
    reached, began = _furthest("followed", count)
    steps = [f"{began} AS step_1"] + [
        f"if(reached < {number}, 0, {_next(number)}) AS step_{number}" for number in range(2, count + 1)
    ]
    return f"arraySlice([{', '.join(steps)}], 1, {reached} AS reached)"


def _next(number: int) -> str:
    found = f"arrayFirst(instant -> bitTest(instant, {number - 1}) AND {_AT} > step_{number - 1}, instants)"
    return f"toInt64(bitShiftRight({found}, 20))"
