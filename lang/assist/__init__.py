"""An unfinished text and a place in it come in; what could be written there, and what stands there, goes out.

For editors, the shell and notebooks. May import what `lang` may; nothing here raises for any text, and all that is
offered and told comes from the declarations of verbs, methods and constructors.
"""

from .complete import complete
from .fixes import Fix, fix_of
from .hover import Hover, hover
from .offers import Completion
from .outline import Symbol, symbols
from .paths import PathSlot, path_slot
from .uses import Key, Use, definition, key_at, places_of, references, uses

__all__ = [
    "Completion", "Fix", "Hover", "Key", "PathSlot", "Symbol", "Use", "complete", "definition", "fix_of", "hover",
    "key_at", "path_slot", "places_of", "references", "symbols", "uses",
]  # fmt: skip
