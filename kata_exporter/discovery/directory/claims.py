"""Which shims announced which agent URL: two that announce one can't both be right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shim:
    """One birth of a sandbox's shim."""

    directory: str
    sandbox_id: str
    birth: str


class Claims:
    """The agent URLs that shims announced last. Two shims of one id are no rivals."""

    def __init__(self) -> None:
        self._urls: dict[Shim, str] = {}
        self._shims: dict[str, set[Shim]] = {}

    def make(self, shim: Shim, url: str) -> frozenset[Shim]:
        """Take note of what a shim announces, and return its rivals; none where it's no news."""
        if self._urls.get(shim) == url:
            return frozenset()
        self.withdraw(shim)
        self._urls[shim] = url
        claimants = self._shims.setdefault(url, set())
        claimants.add(shim)
        return frozenset(other for other in claimants if other.sandbox_id != shim.sandbox_id)

    def withdraw(self, shim: Shim) -> None:
        """Forget what a shim announced, if it did."""
        url = self._urls.pop(shim, None)
        if url is None:
            return
        self._shims[url].discard(shim)
        if not self._shims[url]:
            del self._shims[url]

    def contested(self) -> frozenset[Shim]:
        """Return the shims that have rivals."""
        return frozenset(
            shim
            for claimants in self._shims.values()
            if len({claimant.sandbox_id for claimant in claimants}) > 1
            for shim in claimants
        )
