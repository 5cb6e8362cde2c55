"""Answers that are words, compared and tested."""

from collections.abc import Callable
from typing import Any


def same_words(given: Any, expected: list[str]) -> bool:
    """Return whether two lists of words are equal, up to capitals and spaces around them."""
    return [str(word).strip().lower() for word in given] == expected


def are_texts(given: Any) -> bool:
    """Return whether every part of an answer is text."""
    return bool(given) and all(isinstance(one, str) for one in given)


def not_among(*words: str) -> Callable[[Any], Any]:
    """Return a predicate: is something in the answer none of these words?"""
    return lambda given: {str(word).strip().lower() for word in given} - set(words)


def other_word(place: int, word: str) -> Callable[[Any], Any]:
    """Return a predicate: is the word at this place of the answer another one?"""
    return lambda given: str(given[place]).strip().lower() != word
