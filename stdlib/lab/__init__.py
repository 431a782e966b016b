"""The lab: a small captioned world with full ground truth, and small trained models of it.

Comes in: names such as `probe` or `labnet`. Goes out: images, masks, boxes, captions, words, weights and the truth
about each unit. May import numpy, Pillow and pyarrow; only `nets` and the modules of training import torch.

    rng           draws that are the same on every version of numpy
    world         objects, facts, synonyms, scenes
    art, render   scene -> pixels, mask, box
    captions      scene -> sentence and the facts it states
    words         the vocabulary: every word of the world, and twice as many that are absent from it
    data          the data sets probe, audit, train, shifted; the caption corpus
    declarations  models: layers, units, preprocessing, weights (no import at all)
    truth         what each planted unit means
    nets          the architectures and `build(name)` (imports torch)
    train         `python -m clq.stdlib.lab.train`: everything again from scratch
"""
