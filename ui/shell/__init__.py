"""Lines that a person types come in, answers and messages go out. May import what ui may.

finished  when a statement is done           dots    .help, .tables, .read …
prompt    the line with colours and keys     loop    one statement after another
"""
