"""Words and their opposites, and units beside which another could stand."""

from functools import cache

_OPPOSITES = (
    "first last|largest smallest|biggest smallest|highest lowest|most least|more less|more fewer|greatest least|"
    "oldest youngest|oldest newest|earliest latest|longest shortest|best worst|before after|north south|east west|"
    "northern southern|eastern western|northeast southwest|northwest southeast|increase decrease|increased decreased|"
    "rise fall|rose fell|win lose|won lost|begin end|began ended|start end|started ended|open close|opened closed|"
    "above below|major minor|majority minority|maximum minimum|male female|men women|father mother|son daughter|"
    "king queen|brother sister|husband wife|old new|early late|long short|high low|large small|big small|hot cold|"
    "strong weak|positive negative|public private|inside outside|internal external|upper lower|left right|"
    "support oppose|supported opposed|accept reject|accepted rejected|allow forbid|allowed banned|founded dissolved|"
    "created destroyed|gained lost|common rare|rich poor|birth death|born buried|ancient modern|success failure|"
    "successful unsuccessful|legal illegal|winter summer|day night|buy sell|bought sold|agree disagree|"
    "premier dernier|première dernière|plus moins|grand petit|grande petite|avant après|nord sud|est ouest|"
    "naissance mort|père mère|fils fille|roi reine|ancien nouveau|ancienne nouvelle"
)
_MORE_OPPOSITES = (
    "higher lower|larger smaller|bigger smaller|greater smaller|longer shorter|older younger|earlier later|"
    "deeper shallower|warmer colder|faster slower|heavier lighter|wider narrower|stronger weaker|better worse|"
    "rising falling|rises falls|increasing decreasing|increases decreases|average maximum|average minimum|mean peak|"
    "under over|inflow outflow|import export|imports exports|income spending|profit loss|"
    "arrival departure|arrived departed|entered left|always never|all none|many few|some no|both neither|"
    "approved rejected|confirmed denied|admitted denied|passed failed|agreed refused|joined left|gain loss|"
    "hired fired|alive dead|guilty innocent|present absent|remembered forgot|likely unlikely|possible impossible"
)
_UNITS = (
    "litres gallons pints|liters gallons pints|litre gallon pint|kilometres miles metres|kilometers miles meters|"
    "km miles m|metres feet yards|meters feet yards|metre foot yard|centimetres inches millimetres|"
    "kilograms pounds tonnes|kg lb g|grams ounces kilograms|tonnes pounds kilograms|"
    "seconds minutes hours|minutes hours days|hours days minutes|days weeks months|weeks months days|"
    "months years weeks|years months decades|decades years centuries|"
    "million billion thousand|millions billions thousands|dollars euros pounds|euros dollars pounds|"
    "percent times points|celsius fahrenheit kelvin|daily weekly monthly|weekly monthly yearly|annually monthly daily"
)


@cache
def opposites() -> dict[str, tuple[str, ...]]:
    """What a word could be turned into so that a question asks for something else; both in lower case."""
    return _pairs(_OPPOSITES)


@cache
def wider_opposites() -> dict[str, tuple[str, ...]]:
    """As `opposites`, with words that statements have: comparatives, extremes, directions."""
    return _pairs(f"{_OPPOSITES}|{_MORE_OPPOSITES}")


@cache
def other_units() -> dict[str, tuple[str, ...]]:
    """Units, in lower case, by the unit in whose place they could stand."""
    found: dict[str, tuple[str, ...]] = {}
    for group in _UNITS.split("|"):
        first, *others = group.split(" ")
        found[first] = (*found.get(first, ()), *others)
    return found


def _pairs(table: str) -> dict[str, tuple[str, ...]]:
    pairs: dict[str, tuple[str, ...]] = {}
    for pair in table.split("|"):
        one, other = pair.split(" ")
        pairs[one] = (*pairs.get(one, ()), other)
        pairs[other] = (*pairs.get(other, ()), one)
    return pairs
