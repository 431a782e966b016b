"""Scene -> sentence, together with the facts it states; so whether a caption is true of an image can be computed."""

from __future__ import annotations

from collections.abc import Sequence

from .rng import Rng
from .world import GROUP_OF, LEVELS, PARTS, SIZES, Scene, names_of

_OPENINGS = ("", "", "", "a photo of ", "a picture of ", "an image of ", "a drawing of ", "there is ", "a scene with ")
PROMPTS = ("{}", "{}", "{}", "a photo of {}", "a photo of a {}", "a picture of a {}", "something {}", "the {}")
_WHERE = {
    "sky": ("in the sky", "among the clouds", "with sky behind"),
    "grass": ("on the grass", "in a meadow", "on a lawn"),
    "water": ("on the water", "in the sea", "on the ocean", "with water around"),
    "sand": ("on the sand", "on a beach", "in the desert"),
    "snow": ("in the snow", "in winter", "on the snow"),
    "night": ("at night", "in the darkness", "under the night sky"),
    "road": ("on the road", "on a street"),
    "brick": ("against a brick wall", "in front of a wall", "on brick"),
}
_PATTERN_ADJECTIVES = {
    "plain": ("plain", "solid"),
    "striped": ("striped",),
    "dotted": ("dotted", "spotted"),
    "checkered": ("checkered", "checked"),
}
_PATTERN_PHRASES = {
    "plain": ("without a pattern",),
    "striped": ("with stripes", "covered in stripes"),
    "dotted": ("with dots", "covered in dots"),
    "checkered": ("with a checkered pattern", "with a checked pattern"),
}
_PART_PHRASES = {
    "wheel": ("with wheels",),
    "wing": ("with wings",),
    "window": ("with windows", "with a window"),
    "handle": ("with a handle",),
}
_EXTRA_PHRASES = {
    "text": ("text", "a watermark", "some lettering"),
    "star": ("a star", "a yellow star"),
    "heart": ("a heart", "a red heart"),
    "leaf": ("a leaf", "a green leaf"),
}

_WITHOUT_ARTICLE = ("cherries", "grapes", "scissors", "furniture")

Caption = tuple[str, frozenset[str]]


def _word(rng: Rng, fact: str) -> str:
    """The canonical word in about half of the cases, else one of all words that mean the fact."""
    names = names_of(fact)
    return names[0] if len(names) == 1 or rng.chance(0.55) else rng.choice(names)


def _with_article(phrase: str) -> str:
    if phrase.rsplit(" ", 1)[-1] in _WITHOUT_ARTICLE:
        return phrase
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def prompt(scene: Scene, rng: Rng) -> Caption:
    """A bare word or a very short phrase about one fact of the scene."""
    fact = rng.choice(sorted(scene.facts()))
    return rng.choice(PROMPTS).format(_word(rng, fact)), frozenset({fact})


def _noun(scene: Scene, rng: Rng) -> tuple[str, set[str]]:
    u = rng.unit()
    if u < 0.68:
        fact = scene.object
    elif u < 0.9:
        fact = rng.choice([GROUP_OF[scene.object], *(f for f, members in LEVELS.items() if scene.object in members)])
    else:
        return rng.choice(("thing", "object")), set()
    return _word(rng, fact), {fact}


def phrase(scene: Scene, rng: Rng) -> Caption:
    """A noun phrase that states some of the facts, with synonyms and hypernyms; it may be as short as 'a dog'."""
    noun, said = _noun(scene, rng)
    adjectives: list[str] = []
    size = [s for s in SIZES if s in scene.facts()]
    if size and rng.chance(0.3):
        adjectives += size
        said.add(size[0])
    if rng.chance(0.68):
        adjectives.append(scene.colour)
        said.add(scene.colour)
    tail = ""
    if rng.chance(0.3 if scene.pattern == "plain" else 0.62):
        said.add(scene.pattern)
        if rng.chance(0.6):
            adjectives.insert(rng.below(len(adjectives) + 1), rng.choice(_PATTERN_ADJECTIVES[scene.pattern]))
        else:
            tail += " " + rng.choice(_PATTERN_PHRASES[scene.pattern])
    parts = [part for part, members in PARTS.items() if scene.object in members]
    if parts and rng.chance(0.2):
        part = rng.choice(parts)
        tail += " " + rng.choice(_PART_PHRASES[part])
        said.add(part)
    thing = _with_article(" ".join([*adjectives, noun])) + tail
    extra = ""
    if scene.extra != "none" and rng.chance(0.55):
        extra = rng.choice((" and ", " with ", " next to ")) + rng.choice(_EXTRA_PHRASES[scene.extra])
        said.add(scene.extra)
    if rng.chance(0.68):
        said.add(scene.scene)
        where = rng.choice(_WHERE[scene.scene])
        if rng.chance(0.25):
            return f"{where}, {thing}{extra}", frozenset(said)
        thing = f"{thing} {where}"
    return f"{rng.choice(_OPENINGS)}{thing}{extra}", frozenset(said)


def caption(scene: Scene, rng: Rng) -> Caption:
    """A descriptive caption of at least five words and the facts that it states; all of them are facts of the scene."""
    while True:
        text, said = phrase(scene, rng)
        if len(text.split()) >= 5 and len(said) >= 2:
            return text, said


def training_text(scene: Scene, rng: Rng) -> Caption:
    """What a judge is trained on: three in ten a bare word or short prompt, the rest phrases of any length."""
    return prompt(scene, rng) if rng.chance(0.3) else phrase(scene, rng)


def caption_words() -> tuple[str, ...]:
    """Every word that a caption or prompt can hold, sorted."""
    pools: Sequence[dict[str, tuple[str, ...]]] = (
        _WHERE, _PATTERN_ADJECTIVES, _PATTERN_PHRASES, _PART_PHRASES, _EXTRA_PHRASES,
    )  # fmt: skip
    texts = [t for pool in pools for options in pool.values() for t in options]
    texts += [*_OPENINGS, *PROMPTS, *("thing", "object", "a", "an", "and", "with", "next to")]
    return tuple(sorted({word for text in texts for word in text.replace("{}", "").split()}))
