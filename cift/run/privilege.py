"""What a child does between fork and exec, on Linux: end together with the supervisor, and not be root.

PostgreSQL refuses to run as root, the usual user in containers. So its processes become `nobody`, with one
capability left (CAP_DAC_OVERRIDE, as ambient): the data folder may be below a folder that only root can
enter, and we do not loosen the permissions of such a folder.

Everything here runs after fork: system calls through ctypes, and nothing that allocates much or takes a lock.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_VERSION_3 = 0x20080522

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def is_root() -> bool:
    return os.geteuid() == 0


def unprivileged_ids() -> tuple[int, int]:
    """User and group of PostgreSQL if we are root."""
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def before_exec(death_signal: signal.Signals, *, drop_root: bool) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends the child `death_signal` when the supervisor ends for any reason.

    Args:
        drop_root: become `nobody` if we are root (PostgreSQL).
    """
    ids = unprivileged_ids() if drop_root and is_root() else None
    parent = os.getpid()

    def prepare() -> None:
        if ids is not None:
            if _libc is not None:
                _libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            os.setgroups([])
            os.setgid(ids[1])
            os.setuid(ids[0])
            if _libc is not None:
                bit = 1 << _CAP_DAC_OVERRIDE
                data = (_Data * 2)(_Data(bit, bit, bit), _Data(0, 0, 0))
                _libc.capset(ctypes.byref(_Header(_CAP_VERSION_3, 0)), data)
                _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)
        if _libc is not None:  # after setuid, because setuid clears it
            _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:  # the supervisor ended between fork and here
                os._exit(1)

    return prepare
