"""Tables for pages: words for rows and heads, one format per column, differences with their verdict in one cell.

``shown`` makes a ``Shown`` of a DataFrame: HTML that a page of the book, JupyterLab and Colab show alike, in the light
and in the dark. ``texts`` writes cells, ``intervals`` draws a difference in its interval, ``pages`` writes the HTML.
"""

from ltdd_utils.tables.pages import STYLE
from ltdd_utils.tables.shown import MOST, Shown, shown
from ltdd_utils.tables.texts import said

__all__ = ["MOST", "STYLE", "Shown", "said", "shown"]
