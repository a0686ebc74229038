"""Views of dead letters: events that a handler rejected for good."""

from cift.contracts.admin import DeadLetterView
from cift.kernel.clock import rfc3339
from cift.platform.dead_letters import StoredLetter

FUNCTION_PATTERN = r"^[a-z_]+\.[a-z_0-9]+$"


def dead_letter_view(stored: StoredLetter) -> DeadLetterView:
    """The view of a dead letter, without its data."""
    return DeadLetterView(
        id=stored.id,
        function=stored.letter.function,
        reason=stored.letter.reason,
        stream=stored.letter.headers["ce-stream"],
        sequence=stored.message.sequence,
        subject=stored.message.subject,
        published_at=rfc3339(stored.message.timestamp_ns),
        put_aside_at=stored.put_aside_at,
        data_bytes=len(stored.message.data),
    )
