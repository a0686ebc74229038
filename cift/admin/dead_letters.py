"""Views of dead letters: events that a handler rejected for good."""

from cift.contracts.admin import DeadLetterView
from cift.kernel.clock import rfc3339
from cift.platform.dead_letters import Kept

FUNCTION_PATTERN = r"^[a-z_]+\.[a-z_0-9]+$"


def dead_letter_view(kept: Kept) -> DeadLetterView:
    """The view of a dead letter, without its data."""
    return DeadLetterView(
        id=kept.id,
        function=kept.letter.function,
        reason=kept.letter.reason,
        stream=kept.letter.headers["ce-stream"],
        sequence=kept.message.sequence,
        subject=kept.message.subject,
        published_at=rfc3339(kept.message.timestamp_ns),
        put_aside_at=kept.put_aside_at,
        data_bytes=len(kept.message.data),
    )
