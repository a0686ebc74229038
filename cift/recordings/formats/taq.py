"""TAQ: the monthly and millisecond files of WRDS, and the daily files of the NYSE. Times are New York's.

Only trades with the correction indicator 00 or 01 are kept, as the documentation recommends. Sizes of
quotes are taken as they are in the file.

Source: https://www.nyse.com/publicdocs/nyse/data/Daily_TAQ_Client_Spec_v4.0.pdf and
https://wrds-www.wharton.upenn.edu/documents/774/Daily_TAQ_Client_Spec.pdf.
"""

from cift.recordings.formats.form import NEW_YORK, Format, marks

_KEEP = ("", "0", "00", "1", "01")

FORMATS = (
    Format(
        "taq-trades",
        ("trade",),
        {
            "at": ("date", "time_m"),
            "symbol": "sym_root",
            "price": "price",
            "quantity": "size",
            "conditions": "tr_scond",
        },
        marks("date time_m sym_root size price"),
        zone=NEW_YORK,
        conditions="letters",
        keep={"tr_corr": _KEEP},
    ),
    Format(
        "taq-quotes",
        ("quote",),
        {
            "at": ("date", "time_m"),
            "symbol": "sym_root",
            "bid": "bid",
            "bid_quantity": "bidsiz",
            "ask": "ask",
            "ask_quantity": "asksiz",
        },
        marks("date time_m sym_root bid bidsiz ask asksiz"),
        zone=NEW_YORK,
    ),
    Format(
        "taq-daily-trades",
        ("trade",),
        {
            "at": "time",
            "symbol": "symbol",
            "price": "trade_price",
            "quantity": "trade_volume",
            "conditions": "sale_condition",
        },
        marks("time exchange symbol sale_condition trade_volume trade_price"),
        file_name=r"(?P<day>\d{8})",
        needs_file_name=True,
        zone=NEW_YORK,
        conditions="letters",
        keep={"trade_correction_indicator": _KEEP},
    ),
)
