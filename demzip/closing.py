"""What is open for the length of a with statement."""

from types import TracebackType
from typing import Self


class Closing:
    """What is closed at the end of a with statement."""

    def close(self) -> None:
        """Close what is open."""

    def __enter__(self) -> Self:
        """Enter a with statement."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open."""
        self.close()
