"""What ends a command with one plain sentence.

CommandError        exit code 1: what was asked for cannot be done
└── UsageError      exit code 2: it was asked for wrongly
"""


class CommandError(Exception):
    """A failure whose message tells the user what to do."""

    exit_code = 1


class UsageError(CommandError):
    """Options that contradict each other or have values that nothing can be done with."""

    exit_code = 2
