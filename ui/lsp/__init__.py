"""The language server: what `lang.assist` and `examine` find comes in, the Language Server Protocol goes out."""

from .assistance import add_assistance
from .layout import add_layout
from .names import add_names
from .server import ClqServer, add_documents

__all__ = ["ClqServer", "make_server"]


def make_server() -> ClqServer:
    """A server with every feature; `start_io` runs it."""
    server = ClqServer()
    for add in (add_documents, add_assistance, add_names, add_layout):
        add(server)
    return server
