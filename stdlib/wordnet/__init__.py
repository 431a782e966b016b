"""WordNet 3.0: noun synsets as a table, base forms of nouns, verbs and adjectives. Comes with its licence.

In: a word or a synset name. Out: lemmas, synsets, subtrees. Imports pyarrow or nltk only when first asked.
"""
