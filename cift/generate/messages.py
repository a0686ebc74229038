"""cift/contracts/*_gen.py: the types of the engine's messages, the names of its enums, and the shared limits.

The codec in rust_core/crates/python encodes and decodes the messages and also writes their types, so the two
cannot differ. The files end in `_gen.py`, because Python cannot import a module whose name has a dot.
"""

from cift_core import wire


class OldModule(Exception):
    """The installed cift_core is older than its sources; one sentence with the cure."""


def files() -> dict[str, str]:
    """Name and text of each file.

    Raises:
        OldModule: the installed cift_core cannot write them.
    """
    try:
        return {
            "limits_gen.py": wire.shared_limits(),
            "messages_gen.py": wire.message_types(),
            "names_gen.py": wire.message_names(),
        }
    except AttributeError as error:
        raise OldModule(f"cift_core is older than its sources ({error}): run `make build`") from error
