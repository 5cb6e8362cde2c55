"""Wrong ways to say how sure a click-through rate is."""

from collections.abc import Callable
from math import sqrt
from typing import Any

Users = list[tuple[int, int]]


def _right(users: list[tuple[int, int]]) -> float | None:
    number = len(users)
    if number < 2:
        return None
    searches = sum(all_of_them for all_of_them, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    squares = sum((clicked - ctr * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / searches


def _as_if_independent(users: Users) -> float | None:
    if len(users) < 2:
        return None
    searches = sum(own for own, _ in users)
    ctr = sum(clicked for _, clicked in users) / searches
    return sqrt(ctr * (1 - ctr) / searches)


def _of_their_rates(users: Users) -> float | None:
    if len(users) < 2:
        return None
    rates = [clicked / own for own, clicked in users]
    mean = sum(rates) / len(rates)
    return sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates))


def _without_the_correction(users: Users) -> float | None:
    error = _right(users)
    return error and error * sqrt((len(users) - 1) / len(users))


def _still_squared(users: Users) -> float | None:
    error = _right(users)
    return error and error**2


def _not_per_search(users: Users) -> float | None:
    error = _right(users)
    return error and error * sum(own for own, _ in users)


def _per_user(users: Users) -> float | None:
    error = _right(users)
    return error and error * sum(own for own, _ in users) / len(users)


def _half_an_interval(users: Users) -> float | None:
    error = _right(users)
    return error and 1.96 * error


def _squared_last(users: Users) -> float | None:
    return None if len(users) < 2 else 0.0


def _around_their_mean(users: Users) -> float | None:
    number = len(users)
    if number < 2:
        return None
    mean = sum(clicked / own for own, clicked in users) / number
    squares = sum((clicked - mean * own) ** 2 for own, clicked in users)
    return sqrt(number / (number - 1) * squares) / sum(own for own, _ in users)


def _sure_of_one(users: Users) -> float | None:
    return _right(users) or 0.0


ERRORS: dict[Callable[..., Any], str] = {
    _as_if_independent: (
        "This treats every search as if a different person had made it. The searches of one "
        "person depend on each other: ask of each *user* how far they are from what the CTR "
        "would have given them."
    ),
    _of_their_rates: (
        "This is the error of the mean of the users' own rates, in which all users weigh the "
        "same. The CTR is a ratio of sums, in which users who search more weigh more."
    ),
    _without_the_correction: (
        "Nearly: the factor users ÷ (users − 1) is missing. With few users it matters: the "
        "CTR was computed from these very users, so they are nearer to it than others would "
        "be."
    ),
    _still_squared: "This is the variance: take the square root.",
    _not_per_search: (
        "This is a number of searches, not a share: divide by all searches at the end."
    ),
    _per_user: (
        "The result was divided by the number of users. The CTR is a share of searches: "
        "divide by the number of searches of all users."
    ),
    _half_an_interval: (
        "This is half of a 95 % interval: 1.96 times the standard error. Leave the factor out."
    ),
    _squared_last: (
        "The error is always 0 here. The differences from the CTR add up to 0, so square each "
        "of them *before* you add them up."
    ),
    _around_their_mean: (
        "The differences are taken from the mean of the users' own rates. Take them from the "
        "CTR of all: clicked searches ÷ searches, both summed over all users."
    ),
    _sure_of_one: (
        "One user shows nothing about how much users differ. The error isn't 0, which would "
        "mean certainty: it is unknown, None."
    ),
}
