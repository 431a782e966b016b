"""Text comes in; a checked query, or a Diagnostic that says what to write instead, goes out.

May import nothing of clq but itself, and neither torch nor DuckDB; lark only when the first text is parsed, and
wcwidth only to show a line that is not plain ASCII.
"""

from .bind import bind
from .check import check
from .diagnostic import Diagnostic
from .errors import explain, overview
from .parse import parse
from .resolve import resolve
from .script import check_script
from .verbs import VERBS

__all__ = ["VERBS", "Diagnostic", "bind", "check", "check_script", "explain", "overview", "parse", "resolve"]
