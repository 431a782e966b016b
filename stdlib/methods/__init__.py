"""A job comes in, operators go out: one file for each method, holding its declaration and its plan.

Clauses, arguments, defaults, help and citation of a method come from that declaration alone.
"""
