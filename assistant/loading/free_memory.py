"""How much memory is free for models: what the system says, and what a container's limit leaves of that."""

from pathlib import Path

from assistant.models.catalogue import Profile

# Where Linux tells a container its limit and what it uses: version 2 of control groups, then version 1.
_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)


def free_memory() -> int | None:
    """How many bytes a program can have without the system swapping; None where the system does not say."""
    import psutil  # type: ignore[import-untyped]

    try:
        free = int(psutil.virtual_memory().available)
    except (OSError, NotImplementedError, RuntimeError):
        return None
    for limit, used in _LIMITS:
        try:
            free = min(free, max(0, int(limit.read_text()) - int(used.read_text())))
        except (OSError, ValueError):  # no such group, or no limit ("max")
            continue
        break
    return free


def memory_warning(profile: Profile) -> str | None:
    """A sentence to a user whose machine has less memory free than a profile should have; None where it has enough."""
    if profile.memory is None:
        return None
    free = free_memory()
    if free is None or free >= profile.memory:
        return None
    return (
        f"{free / 1e9:.1f} GB of memory are free and the profile {profile.name} wants {profile.memory / 1e9:.0f} GB: "
        "it may be slow or fail. `--profile light` needs much less."
    )
