"""Names of networks come in, models come out whose layers can be asked: the lab's, torchvision's, files', live modules.

Layers and weights of known architectures are committed as data, so checking a query needs no torch. What is missing is
told when a key is made, before the first pass; nothing becomes random unless `weights=random` says so.
"""
