"""LOBSTER, message files of Nasdaq: executions of visible (4) and hidden (5) orders, and crosses (6).

Times are seconds since midnight in New York, prices dollars times 10,000. The direction is that of the limit
order, so an executed sell order is a purchase.

Source: https://lobsterdata.com/info/DataStructure.php.
"""

from cift.recordings.formats.form import INTEGER, NEW_YORK, NUMBER, Format

FORMATS = (
    Format(
        "lobster-messages",
        ("trade",),
        {"at": "time", "quantity": "size", "price": "price", "side": "direction"},
        headerless=("time", "type", "order_id", "size", "price", "direction"),
        shape=(NUMBER, r"[1-7]", INTEGER, INTEGER, r"-?\d+", r"-?1"),
        file_name=r"^(?P<symbol>[A-Z.]+)_(?P<day>\d{4}-\d\d-\d\d)_\d+_\d+_message_",
        needs_file_name=True,
        since_midnight="s",
        zone=NEW_YORK,
        price_scale=4,
        sides={"1": -1, "-1": 1},
        keep={"type": ("4", "5", "6")},
    ),
)
