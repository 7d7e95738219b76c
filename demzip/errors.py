"""Everything demzip raises on purpose; each class carries the exit code of the command line."""


class DemzipError(Exception):
    """Base of all errors that a caller or a file can cause."""

    exit_code = 1


class OptionsError(DemzipError, ValueError):
    """An argument is outside its legal range (exit code 2)."""

    exit_code = 2


class CorruptError(DemzipError):
    """The bytes are not what the writer wrote, or a comparison failed (exit code 3)."""

    exit_code = 3


class TruncatedError(CorruptError):
    """The file ends before its index says so (exit code 3)."""


class UnsupportedError(DemzipError):
    """Valid input that this version cannot code, or a format it does not know (exit code 4)."""

    exit_code = 4
