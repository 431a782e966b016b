"""Places of images come in, data sets go out: the lab's, folders, arrays in files, and parts or sums of these.

A data set is a picklable spec with a fingerprint of its content, a relation for SQL, and images by number once opened.
"""
