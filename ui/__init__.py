"""People come in, by command line, notebook or Python; everything below answers. May import all of clq.

connection  `clq.connect()`            session   the interpreter of scripts
planning    checked query -> operators  show      SHOW …
cli         the command line            render    tables, CSV, JSON; plans
"""
