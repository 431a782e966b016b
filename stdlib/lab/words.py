"""lab.words: every word that can be true in the lab world, and ordinary English words that never are."""

from __future__ import annotations

from .world import FACT_OF

# Nothing here is in any image, nor a fair description of anything there (so no cloud, moon, metal, toy or round).
_ABSENT = """
    accordion acrobat admiral alcohol alligator anchor ankle antler aquarium archery astronaut avocado
    bagpipe bakery ballerina bamboo bandage barber bathtub battery beard bedroom beehive bicycle bishop blanket blender
    bottle bowling bracelet brain bread bride broccoli broom bucket buffalo burger butter
    cabbage calendar camel camera candle cannon carpet carrot castle cathedral cello cheese chicken
    choir church cigarette circus clarinet clock coffee compass computer cookie corn cow crab crocodile crowd crown
    cucumber curtain cyclist
    dancer deer dentist diamond dinosaur doctor dolphin donkey dragon drum duck
    eagle elbow elephant elevator emperor engineer envelope
    factory farmer fence flute fork fountain fox frog funeral
    garlic ghost giraffe glove goat gorilla graduation guitar gymnast
    hamburger handshake harp hedgehog helmet hen hippopotamus horse hospital hotel
    igloo
    jacket jaguar jellyfish judge juice jungle
    kangaroo ketchup keyboard king kitchen kite knife knight koala
    ladder laptop laundry lawyer lemon leopard library lighthouse lion lipstick lobster lock
    magazine mailbox marathon mattress microphone microscope mirror monk monkey mosque motorcycle mouse museum mushroom
    necklace newspaper nurse
    octopus office onion orchestra oven owl
    palace panda parade passport peacock pencil penguin piano pillow pirate pizza policeman potato prison pumpkin
    pyramid queen quilt
    radio raincoat referee refrigerator restaurant rhinoceros robot rug
    sandwich sausage saxophone scarf school scorpion screen shark sheep shoe shower skeleton skyscraper soldier soup
    spider spoon stadium staircase statue stove subway suitcase surgeon swimmer sword syringe
    teacher telephone telescope temple tennis tent theater thumb tiger toaster toilet tomato tornado tower tractor
    treadmill trombone trumpet tunnel
    umbrella uniform
    vampire violin volcano
    waiter wallet wedding whale whistle wine witch wolf worm wrestler
    xylophone yoga zebra
"""
ABSENT: tuple[str, ...] = tuple(_ABSENT.split())


def words() -> list[str]:
    """The vocabulary lab.words: unique, lower case, in alphabetical order, so that the true words do not come first."""
    return sorted({*FACT_OF, *ABSENT})
