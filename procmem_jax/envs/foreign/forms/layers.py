"""Wrappers around an environment, layer by layer: what each holds, and which methods are its own."""

from typing import Any


def attributes(env: Any) -> dict[str, Any]:
    """Returns what an object holds by name, in its `__dict__` or in slots; nothing that it forwards."""
    found = {}
    for name in [slot for cls in type(env).__mro__ for slot in _slots(cls)]:
        try:
            found[name] = object.__getattribute__(env, name)
        except AttributeError:
            continue
    try:
        return found | object.__getattribute__(env, "__dict__")
    except AttributeError:
        return found


def is_of(env: Any, package: str) -> bool:
    """Whether the class of `env`, or one that it inherits from, is defined in `package`; imports nothing."""
    return any(cls.__module__.partition(".")[0] == package for cls in type(env).__mro__)


def is_gymnax(env: Any) -> bool:
    """Whether `env` has the methods of a gymnax environment, or `reset` and `step` around one; imports nothing."""
    if isinstance(env, type) or getattr(type(env), "never_resets", False):
        return False
    if all(hasattr(env, name) for name in ("reset_env", "step_env", "default_params")):
        return True
    return hasattr(env, "reset") and hasattr(env, "step") and bool(inner_layers(env))


def inner_layers(env: Any) -> dict[str, Any]:
    """Returns the gymnax environments, wrapped or not, that `env` holds, by attribute."""
    return {name: value for name, value in attributes(env).items() if is_gymnax(value)}


def layer_names(env: Any) -> str:
    """Returns the classes of a wrapped environment, such as "LogWrapper(CartPole)"."""
    inner = [layer_names(layer) for layer in list(inner_layers(env).values())[:1]]
    return f"{type(env).__name__}{''.join(f'({name})' for name in inner)}"


def told_by(env: Any, name: str, default: Any = None) -> Any:
    """Returns an attribute of the outermost layer that has it; a layer need not forward what it does not know."""
    try:
        return getattr(env, name)
    except (AttributeError, NotImplementedError):
        found = (told_by(layer, name, None) for layer in inner_layers(env).values())
        return next((value for value in found if value is not None), default)


def is_own(env: Any, name: str) -> bool:
    """Whether the class of `env` has the method itself, rather than forwards that of another object."""
    return _rank(env, name) is not None


def means_raw(env: Any, public: str, raw: str) -> bool:
    """Whether `env` is to be played by its method `raw` (`step_env`), not by `public` (`step`).

    So it is unless `public` is all that it has, was overridden in a class further down, or stands beside it in a
    wrapper.
    """
    public_rank, raw_rank = _rank(env, public), _rank(env, raw)
    if raw_rank is None or public_rank is None:
        return raw_rank is not None
    return raw_rank < public_rank or (raw_rank == public_rank and not inner_layers(env))


def _rank(env: Any, name: str) -> int | None:
    """Returns how far up from its class a method is defined, None if nowhere."""
    return next((rank for rank, cls in enumerate(type(env).__mro__) if name in vars(cls)), None)


def _slots(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    return tuple(name for name in ((slots,) if isinstance(slots, str) else slots) if not name.startswith("__"))
