"""Runs a command as on a poor machine: python poor.py COMMAND ...

One processor, a file system that says no even to root (file modes count again without these
capabilities), and no entry in the user database, as in a container under a made-up user number.
A script of its own without imports from here: any Python runs it, inside and outside of tests.
"""

import ctypes
import os
import sys

PR_CAPBSET_DROP = 24  # takes effect at exec
CAPABILITIES = (1, 2, 3)  # DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER


def main() -> None:
    """Give up what a poor machine lacks, and become the command."""
    if os.getuid() == 0:
        for capability in CAPABILITIES:
            ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main()
