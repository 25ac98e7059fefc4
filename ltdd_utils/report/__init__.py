"""The generated pages: the reproduction page, and tables of the README and of four pages of the book.

``headline`` is the table of one cell, ``answers`` the ten questions, ``elements`` has the rows of the papers'
summaries, ``speed`` what runs take and the tables of the benchmarks, ``luck`` those of the page on counting,
``status`` says how far the reproduction is, ``page`` makes the whole page, and ``files`` writes or checks.
``python -m ltdd_utils.report`` runs it.
"""

from ltdd_utils.report.elements import elements_table
from ltdd_utils.report.files import (
    ANSWERS,
    BEGIN,
    COSTS,
    COUNTS,
    ELEMENTS,
    END,
    EXAMPLE,
    HEADLINE,
    LUCK,
    PRECISION,
    SCOPE,
    SPEED,
    main,
    stale,
    with_part,
)
from ltdd_utils.report.headline import headline_table
from ltdd_utils.report.page import reproduction_page
from ltdd_utils.report.status import status_table

__all__ = [
    "ANSWERS",
    "BEGIN",
    "COSTS",
    "COUNTS",
    "ELEMENTS",
    "END",
    "EXAMPLE",
    "HEADLINE",
    "LUCK",
    "PRECISION",
    "SCOPE",
    "SPEED",
    "elements_table",
    "headline_table",
    "main",
    "reproduction_page",
    "stale",
    "status_table",
    "with_part",
]
