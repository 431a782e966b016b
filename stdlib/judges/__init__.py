"""Names of image-text models come in, judges go out: the lab's, open_clip's, and vectors that were computed before.

A judge plans its own vectors (`image_vectors`, `text_vectors`) and declares what was measured for it: its floor,
its prompts.
"""
