"""What an error of the file system is told as, and its exit code: paths are the user's, disks are the world's."""

from __future__ import annotations

import errno
import os

_UNUSABLE = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
_USERS_NUMBERS = {errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS}


def exit_code(error: OSError) -> int:
    """2 where another path, or other rights on it, would do; 1 where something is broken, full or away."""
    return 2 if isinstance(error, _UNUSABLE) or error.errno in _USERS_NUMBERS else 1


def message(error: OSError) -> str:
    """What, and where: "/runs/a: Permission denied". Errors of writing to an open file do not know its name."""
    if error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    known = error.strerror == os.strerror(error.errno)
    return f"the output cannot be written: {error.strerror}" if known else error.strerror
