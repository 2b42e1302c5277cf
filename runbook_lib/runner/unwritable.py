"""Where the archive cannot be written: one sentence, and nothing is begun."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from runbook_lib.errors import Unwritable

REASONS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.ENOTDIR})


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Tell a disk that is full or broken, or a folder that is not ours, as Unwritable."""
    try:
        yield
    except OSError as error:
        if error.errno not in REASONS:
            raise
        where = error.filename or "the archive"
        raise Unwritable(
            f"{what}: {where} cannot be written ({error.strerror}); make room or mend the disk, then run "
            "`runbook resume`: what is there is filed then"
        ) from None
