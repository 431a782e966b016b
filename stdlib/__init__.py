"""Names come in, things go out: models, data sets, words, captions, judges, methods, and the lab.

Everything here can be looked up, checked and keyed without torch; only opening a thing loads what it needs. It may
import `ops`, `engine` and `lang`. Adding a model family, data set, vocabulary, judge or method is one file in its
folder.
"""
