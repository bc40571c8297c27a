"""Options that are given more than once: values of `--set` and `--grid` add up, no other value comes twice."""

from collections.abc import Sequence

from procmem_jax.cli.parsing.errors import option_name

_ADDED = ("--set", "--grid")


def join_repeated(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with all values of an option that may be repeated behind its first mention.

    Raises:
        ValueError: another option comes twice, of which only the last would be read.
    """
    arguments = list(arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)  # what follows is no option
    words: dict[str, list[str]] = {"": []}  # of each option, itself and what follows it
    current = words[""]
    for argument in arguments[:end]:
        if not argument.startswith("--"):
            current.append(argument)
            continue
        name, equals, value = argument.partition("=")
        option = option_name(name.replace("--no-", "--", 1))
        if words.get(option) == [argument]:  # a flag
            continue
        if option in words and option not in _ADDED:
            raise ValueError(f"{option} is given twice; give it once")
        if option in _ADDED:
            current = words.setdefault(option, [name])
            current += [value] if equals else []
        else:
            current = words[option] = [argument]
    return [*(word for group in words.values() for word in group), *arguments[end:]]
