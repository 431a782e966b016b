"""Files, lists and WordNet come in; vocabularies (words to choose from) and captions (sentences to retrieve) go out."""
