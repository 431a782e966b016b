"""Words that never name what a unit responds to. Our own lists; a query may hand in others."""

from __future__ import annotations

_STOP = """
a about above across after again against ago all almost along alongside already also although always am amid among
an and another any anybody anyone anything anyway anywhere apart are aren't around as aside at atop away
be became because become becomes been before behind being below beneath beside besides between beyond both but by
came can cannot come comes could did do does doing done down during each either else enough etc even ever every
everybody everyone everything everywhere except far few fewer for former from further
gave get gets getting give given gives go goes going gone got
had has have having he hence her here hers herself him himself his how however
i if in inside instead into is isn't it its itself just keep keeps kept
last latter least less let lets like likely lot lots made make makes making many may maybe me meanwhile might mine
more moreover most mostly much must my myself namely near nearby nearly neither never next no nobody none nor not
nothing now nowhere of off often on once one ones only onto opposite or other others otherwise ought our ours
ourselves out outside over own past per perhaps please plus put puts quite rather really
said same say says see seem seemed seems seen several shall she should since so some somebody somehow someone
something sometimes somewhere still such take taken takes taking than that the their theirs them themselves then
there therefore these they thing things this those though through throughout thus till to together too took toward
towards under underneath unless unlike until up upon us use used uses using usually various versus very via
was way we well went were what whatever when whenever where wherever whether which whichever while who whoever
whole whom whose why will with within without would yes yet you your yours yourself yourselves
zero two three four five six seven eight nine ten eleven twelve twenty hundred thousand million
first second third fourth fifth
"""

_MEDIUM = """
picture photo photograph photography photographer image pic pics snapshot shot portrait painting drawing sketch
illustration artwork cartoon render rendering graphic clipart icon logo poster print scan screenshot thumbnail
wallpaper gif jpg jpeg png svg pdf vector video clip footage movie film frame album gallery collage slide
scene background foreground backdrop view closeup close-up close angle perspective composition silhouette contour
camera lens zoom focus blur blurry blurred bokeh exposure flash pixel resolution definition quality contrast
saturation brightness filter color colour colored coloured monochrome sepia grayscale greyscale
screen display monitor desktop
stock royalty free licence license copyright credit caption title download upload website web site online
internet page link url http https www com org net html blog post email account user file format template version
sale buy price shop store order shipping product item brand set collection pack sample example type kind sort style
object subject element detail part piece bit side left right top bottom front back middle center centre corner edge
end half row size small smaller smallest big bigger biggest large larger largest tiny huge little long short high
low tall wide new old young older younger age year day time today date
"""

STOP = frozenset(_STOP.split())
MEDIUM = frozenset(_MEDIUM.split())
