"""The methods of a study by name: those of the package, and anyone's own, whose class says what it is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import search_spaces
from trainables.declarations import declared
from trainables.errors import Mistake, Mistakes, StudyError


def names_of(keys: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """For every key of ``methods`` the method's name, and for ``module:Class`` that as where it is defined.

    Trials, files and folders go by the name, so that it is the name that a class declares, not the key.

    Raises:
        Mistakes: no such method, a class that is none, two methods of one name.
    """
    found: dict[str, tuple[str, str | None]] = {}
    mistakes: list[Mistake] = []
    for key in keys:
        try:
            name = declared(key).name if ":" in key else key
        except Mistakes as wrong:
            mistakes += [mistake.under(key) for mistake in wrong.mistakes]
            continue
        except StudyError as wrong:
            mistakes.append(Mistake((key,), f"a method of your own, module:Class ({wrong})", repr(key)))
            continue
        if name in (taken for taken, _ in found.values()):
            mistakes.append(Mistake((key,), "each method once", f"another method called {name}"))
        found[key] = (name, key if ":" in key else None)
    if mistakes:
        raise Mistakes(mistakes)
    return found


def check_defined(name: str, defined_in: str, space: Mapping[str, object]) -> None:
    """That a method of a user's own is still what a study took it for; imports its module.

    Raises:
        Mistakes: it has another name by now, or settings of its space do not fit.
    """
    try:
        declaration = declared(defined_in)
    except StudyError as wrong:
        raise Mistakes([Mistake(("defined_in",), f"a method of your own, module:Class ({wrong})")]) from None
    if declaration.name != name:
        raise Mistakes([Mistake(("defined_in",), f"a class that declares the name {name}", repr(declaration.name))])
    try:
        search_spaces.validate(defined_in, space)
    except Mistakes as wrong:
        raise Mistakes(mistake.under("space") for mistake in wrong.mistakes) from None
