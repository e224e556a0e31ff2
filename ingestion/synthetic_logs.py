"""Synthetic behaviour logs: events of users with hidden interests, and labels for those users.

Every user has a hidden state that no file shows: a mixture of interests over the topics, which
drifts from one at the start of the year to another at its end, and a profile (age range, parent,
region) that colours the choice of words whatever the topic. Events look like search queries. The
labels describe the hidden state at the end of the year, after the user's last event.
"""

import contextlib
import csv
import gzip
import json
import math
import numbers
import os
import random
import re
import shutil
import tempfile
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeAlias

from contract.features import USER_ID
from ingestion.synthetic_types import UserTypes

START = 1704067200  # 2024-01-01T00:00:00Z, Unix seconds
DAYS = 366
MIN_BEHAVIORS = 3
MAX_USERS = 2**32  # user ids are 32-bit
TASKS = ("likes_outdoor", "likes_cooking", "parent", "age_range")
AGE_RANGES = ("18-29", "30-49", "50+")

# The figures below set how hard the tasks are; tests/pipeline/test_synthetic_logs.py holds them.
_TOPIC_SPREAD = 1.5  # standard deviation of a user's log interests; larger: more single-minded
_TOPIC_MEMORY = 0.93  # correlation of log interests between the start and the end of the year
_TOPIC_BOOST = {"outdoor": 0.7, "cooking": 0.7}  # topics with a label are a bit more popular
_LIKES_SHARE = 0.14  # share of interest from which a user counts as liking a topic
_LIKES_NOISE = 0.3  # standard deviation of the noise on the log share
_PROFILE_NOISE = 0.05  # probability that a profile label is drawn again at random
_CHATTER_SHARE = 0.2  # probability that an event has nothing to do with any interest
_STYLE_SHARE = 0.4  # probability that an event carries words coloured by the profile
_STYLE_WORDS = 2  # number of those words; together they show which words belong together
_STYLE_OWN, _STYLE_OTHER = 4, 1  # relative weights of words of the user's groups and of others
_ACTIVITY_SPREAD = 1.0  # standard deviation of the log number of events
_AGE_SHARES = (0.33, 0.40, 0.27)
_PARENT_SHARES = (0.2, 0.55, 0.35)  # by age range
_PARTS = 16  # temporary files among which the events of a user are scattered

# Per topic its verbs, a bar, its nouns. "base/irregular" gives a verb's past tense or a noun's
# plural where the rules would get it wrong. Some words belong to several topics.
_TOPICS = {
    "outdoor": "hike camp climb paddle ski trek fish kayak scramble wander pitch pack bike | "
    "trail tent boot backpack mountain campsite summit lantern rope canoe compass glacier lake "
    "river forest hammock ranger valley waterfall park stove jacket shoe map snowshoe cabin",
    "cooking": "cook bake roast fry grill simmer chop season marinate taste boil knead mix | "
    "recipe oven knife/knives pan sauce spice noodle soup onion tomato/tomatoes loaf/loaves curry "
    "casserole potato/potatoes herb dumpling pancake dough skillet stew pepper stove dish pie",
    "gaming": "play level stream beat/beat unlock upgrade respawn mod craft raid patch | "
    "game console controller boss dungeon server headset quest avatar joystick arcade puzzle "
    "tournament keyboard pixel shooter emulator cheat expansion lobby map update streamer",
    "music": "listen sing/sang strum record tune rehearse drum compose practice mix perform hum | "
    "guitar song album concert band piano lyric chord violin playlist drum melody vinyl speaker "
    "ticket festival choir amplifier singer trumpet microphone orchestra solo headset record",
    "gardening": "plant grow/grew prune water weed mow harvest sow dig/dug mulch trim graft | "
    "seed rose lawn tomato/tomatoes shrub hedge bulb flower herb greenhouse fern tulip shovel "
    "fertilizer orchid seedling pot vine blossom raspberry wheelbarrow hose insect tree tool",
    "travel": "fly/flew book visit travel explore tour land pack board cruise depart wander | "
    "flight hotel passport beach ticket island museum visa suitcase airport hostel itinerary "
    "train cruise resort airline city map souvenir embassy border ferry backpack destination",
    "finance": "invest save budget trade borrow refinance spend/spent retire pay/paid hedge | "
    "loan mortgage stock bond dividend tax budget pension account credit fund broker portfolio "
    "interest salary debt deposit insurance refund share option payment invoice fee bank",
    "fitness": "run/ran lift train stretch jog squat sprint swim/swam exercise row cycle pace | "
    "workout muscle marathon treadmill dumbbell protein yoga/yoga shoe gym trainer calorie bike "
    "kettlebell pushup interval heartbeat injury mat coach race trail shake routine runner",
    "photography": "photograph shoot/shot crop edit expose zoom capture print focus frame pose | "
    "camera lens tripod portrait shutter aperture landscape photo flash filter sunset studio "
    "drone exposure battery print album darkroom backdrop pixel film gallery wedding",
    "home repair": "fix paint drill install sand replace plumb wire hammer repair seal leak tile | "
    "faucet wall drill pipe roof tile gutter cabinet socket hinge screw plaster nail ladder "
    "window sink heater drain carpet wrench switch floor door toilet shelf/shelves tool fence",
    "pets": "feed/fed walk groom adopt bark train scratch bathe vaccinate chew purr cuddle brush | "
    "dog cat puppy kitten leash vet aquarium hamster collar litter parrot kennel flea rabbit "
    "treat shelter breed crate whisker breeder tail paw terrier turtle bowl harness fish/fish",
    "fashion": "wear/wore sew style match knit iron dress accessorize tailor hem stitch fold | "
    "dress jacket shoe boot skirt scarf/scarves sneaker handbag jean outfit necklace sweater belt "
    "blouse earring fabric pattern coat lipstick hat wardrobe bracelet denim designer button",
}
_CHATTER = (
    "call check wait ask open log search translate print cancel return find/found watch move | "
    "weather news/news bus email password meeting traffic bank office order package movie doctor "
    "birthday number message appointment form website phone address friend holiday job story"
)
# Words that a profile favours; everyone uses all of them, only the odds differ.
_STYLES = {
    "18-29": "lowkey legit vibe roommate dorm campus thrifted internship hoodie zapcart binge "
    "skate looply student flex hype vegan meme startup tattoo",
    "30-49": "commute manager brightmart minivan podcast deadline webinar promotion colleague "
    "homely suburb espresso career hybrid homelane planner nineties conference freelance lease",
    "50+": "newspaper coupon grandchild pensioner catalog brochure reunion cardigan pharmacy "
    "landline downsizing bifocal genealogy almanac crossword harwoods bingo arthritis sherry radio",
    "parent": "stroller daycare toddler bedtime playground homework pediatrician babysitter "
    "lunchbox nursery kindergarten crayon sibling sitter highchair carpool",
    "childless": "brunch solo cocktail nightlife rooftop bistro gallery spontaneous loft weekender "
    "speakeasy roadster flatmate condo matinee kitchenette",
    "north": "blizzard snowplow mitten icy fjord sauna",
    "coast": "harbor surf seafood lighthouse pier tide",
    "plains": "prairie tornado barn county silo pickup",
    "desert": "canyon cactus adobe heatwave mesa sunscreen",
}
_REGIONS = ("north", "coast", "plains", "desert")
# Parted by bars. V: verb, Z: verb + s, G: verb + ing, D: past tense, N: noun, P: plural noun.
_TEMPLATES = (
    "{N}|{G}|{P}|{G} {P}|{N} {P}|{N} {G}|best {P}|best {P} for {G}|how to {V} {N}|{D} my {N}|"
    "how to {V} a {N} with {P}|{P} near me|cheap {P}|{N} reviews|{G} for beginners|{N} or {N}|"
    "{P} under 50 dollars|where to buy {P}|top 10 {P} 2024|who {Z} {P}|{G} and {G} tips|"
    "we {D} the {N} yesterday, {G} again soon|{D} {P}|{N} that {Z}|used {N} for sale|"
    "can you {V} {P} in 2 days|does it help to {V} the {N} every week|{G} {N} ideas|{V} {P}"
)
_CHATTER_TEMPLATES = (
    "{N}|{P}|{V} {N}|{D} my {N}|how to {V} {N}|{P} near me|{N} for {P}|{G} {P}|ok thanks|lol|"
    "what time is it|good morning|calculator|translate café|15 percent of 80|news today|"
    'don\'t know what to do today|weather tomorrow|is it open on sunday|what does "asap" mean'
)


# Slot of a template -> the words that may fill it.
_Lexicon: TypeAlias = dict[str, tuple[str, ...]]
# A text with %s for its slots, and the slots.
_Template: TypeAlias = tuple[str, str]


class _User(NamedTuple):
    """Hidden state: shares of interest per topic at the year's start and end, and the profile."""

    start: list[float]
    end: list[float]
    age: int
    parent: bool
    region: str


def _add_s(word: str) -> str:
    """Adds the s of a plural or of the third person: box -> boxes, berry -> berries."""
    if re.search("(s|x|z|ch|sh)$", word):
        return word + "es"
    return re.sub("([^aeiou])y$", r"\1ie", word) + "s"


def _verb_forms(verb: str) -> tuple[str, str, str, str]:
    """Inflects a verb: base, third person, present participle, past tense."""
    base, _, past = verb.partition("/")
    # Short stems double their last letter (run -> running), and a silent e goes (hike -> hiking).
    doubled = re.fullmatch("[^aeiou]*[aeiou][^aeiouwxy]", base)
    stem = base + base[-1] if doubled else re.sub("([^e])e$", r"\1", base)
    return base, _add_s(base), stem + "ing", past or re.sub("([^aeiou])y$", r"\1i", stem) + "ed"


def _lexicon(vocabulary: str) -> _Lexicon:
    """Maps each slot of the templates to the inflected words that may fill it."""
    verbs, nouns = vocabulary.split(" | ")
    lexicon = dict(zip("VZGD", zip(*map(_verb_forms, verbs.split()), strict=True), strict=True))
    pairs = [noun.partition("/") for noun in nouns.split()]
    lexicon["N"] = tuple(noun for noun, _, _ in pairs)
    lexicon["P"] = tuple(plural or _add_s(noun) for noun, _, plural in pairs)
    return lexicon


def _compile(templates: str) -> list[_Template]:
    """Turns each 'how to {V} {N}' into ('how to %s %s', 'VN'), which fills faster."""
    return [
        (re.sub(r"\{.\}", "%s", template), "".join(re.findall(r"\{(.)\}", template)))
        for template in templates.split("|")
    ]


def _style_words(age: int, parent: bool, region: str) -> list[str]:
    """Lists the style words for a profile, each repeated in proportion to its weight."""
    own = (AGE_RANGES[age], "parent" if parent else "childless", region)
    words = []
    for group, stems in _STYLES.items():
        words += stems.split() * (_STYLE_OWN if group in own else _STYLE_OTHER)
    return words


def _hidden_user(rng: random.Random) -> _User:
    """Draws the hidden state of one user."""
    kept, fresh = _TOPIC_MEMORY, math.sqrt(1 - _TOPIC_MEMORY**2)
    start, end = [], []
    for topic in _TOPICS:
        first = rng.gauss(0, 1)
        last = kept * first + fresh * rng.gauss(0, 1)
        start.append(math.exp(_TOPIC_BOOST.get(topic, 0) + _TOPIC_SPREAD * first))
        end.append(math.exp(_TOPIC_BOOST.get(topic, 0) + _TOPIC_SPREAD * last))
    start_sum, end_sum = sum(start), sum(end)
    age = bisect(list(accumulate(_AGE_SHARES[:-1])), rng.random())
    return _User(
        [share / start_sum for share in start],
        [share / end_sum for share in end],
        age,
        rng.random() < _PARENT_SHARES[age],
        _REGIONS[int(rng.random() * len(_REGIONS))],
    )


def _labels(rng: random.Random, user: _User, missing: float) -> list[int | str]:
    """Draws the noisy labels of a user, in the order of TASKS; a missing one is ''."""
    values: list[int | str] = []
    for topic in ("outdoor", "cooking"):
        share = user.end[list(_TOPICS).index(topic)]
        values.append(int(share * math.exp(rng.gauss(0, _LIKES_NOISE)) > _LIKES_SHARE))
    redrawn = _hidden_user(rng)
    values.append(int((redrawn if rng.random() < _PROFILE_NOISE else user).parent))
    values.append(AGE_RANGES[(redrawn if rng.random() < _PROFILE_NOISE else user).age])
    return ["" if rng.random() < missing else value for value in values]


def _behaviors(
    rng: random.Random,
    user: _User,
    count: int,
    lexicons: Sequence[_Lexicon],
    templates: tuple[list[_Template], list[_Template]],
    styles: Sequence[str],
) -> Iterator[tuple[int, str]]:
    """Yields (timestamp, text) for the events of a user, in no order.

    Args:
        rng: source of randomness.
        user: hidden state of the user.
        count: number of events.
        lexicons: the lexicon of each topic, in the order of _TOPICS, then that of chatter.
        templates: compiled templates for topics and for chatter.
        styles: style words of the user's profile.

    Yields:
        Unix seconds and a text of one line.
    """
    uniform = rng.random
    start, end = list(accumulate(user.start)), list(accumulate(user.end))
    topics, chatter = len(start), lexicons[-1]

    def phrase(year: float) -> str:
        if uniform() < _CHATTER_SHARE:
            lexicon, choices = chatter, templates[1]
        else:  # linear drift: a mixture of the two interests, weighted by the time of the year
            topic = bisect(end if uniform() < year else start, uniform(), 0, topics - 1)
            lexicon, choices = lexicons[topic], templates[0]
        text, slots = choices[int(uniform() * len(choices))]
        if slots:  # the power makes the first words of a vocabulary somewhat more frequent
            filled = [lexicon[s][int(len(lexicon[s]) * uniform() ** 1.5)] for s in slots]
            text = text % tuple(filled)
        if uniform() < _STYLE_SHARE:
            words = [styles[int(uniform() * len(styles))] for _ in range(_STYLE_WORDS)]
            text = " ".join([text, *words])
        return text

    for _ in range(count):
        year = uniform()  # 0: start of the year, 1: its end
        text = phrase(year)
        noise = uniform()
        if noise < 0.08:
            text = text.capitalize()
        elif noise < 0.10:
            text = text.upper()
        elif noise < 0.13:  # typo: two letters swapped
            at = int(uniform() * (len(text) - 1))
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif noise < 0.17:
            text += "?!.,"[int(uniform() * 4)]
        elif noise < 0.20:
            text = f"{text} {int(uniform() * 2000)}"
        elif noise < 0.205:  # a rare long text
            text = ". ".join([text] + [phrase(year) for _ in range(4 + int(uniform() * 12))])
        # Two uniform draws: most events fall around noon, few at night.
        second = int((uniform() + uniform()) * 43200)
        yield START + int(year * DAYS) * 86400 + second, text


def _check(users: int, mean_behaviors: float, seed: int, labelled: float, missing: float) -> None:
    """Raises ValueError if an argument of generate is not allowed."""
    for name, value, limit in (("users", users, MAX_USERS), ("seed", seed, math.inf)):
        least = 1 if name == "users" else 0
        is_int = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not is_int or not least <= value <= limit:
            raise ValueError(f"{name} must be an integer from {least} to {limit}, got {value!r}")
    for name, number, least, limit in (
        ("mean_behaviors", mean_behaviors, MIN_BEHAVIORS + 1, 1_000_000),
        ("labelled", labelled, 0, 1),
        ("missing", missing, 0, 1),
    ):
        is_real = isinstance(number, numbers.Real) and not isinstance(number, bool)
        if not is_real or not least <= number <= limit:
            raise ValueError(f"{name} must be a number from {least} to {limit}, got {number!r}")


def generate(
    folder: str | os.PathLike[str],
    users: int = 2000,
    mean_behaviors: float = 25,
    seed: int = 0,
    labelled: float = 0.85,
    missing: float = 0.05,
    typed: bool = False,
) -> tuple[Path, Path]:
    """Writes synthetic behaviour logs and labels.

    Writes `events.jsonl.gz`, one JSON object a line with `user_id` (string), `timestamp` (int, Unix
    seconds, in 2024) and `text`, with the events of a user scattered over the file; and
    `labels.csv` with the header `user_id` and TASKS. The same arguments give the same bytes.
    Memory depends neither on the number of events nor on that of users; the uncompressed events
    lie in a temporary folder inside `folder` meanwhile.

    Args:
        folder: where to write, created if absent; files of an earlier run are replaced.
        users: number of users, at least 1; every user has MIN_BEHAVIORS events or more.
        mean_behaviors: mean number of events per user, at least MIN_BEHAVIORS + 1; the numbers
            are heavy-tailed, with many users below the mean and a few far above it.
        seed: non-negative integer that decides all randomness.
        labelled: share of the users who have a row of labels, from 0 to 1.
        missing: share of the labels of those users that are left empty, from 0 to 1.
        typed: whether every event has also a `type` (string) and a `value` (number or null), the
            price; timestamps, texts and labels are the same either way.

    Returns:
        The paths of the events and of the labels.

    Raises:
        ValueError: an argument is out of its range, or `folder` is a file.
    """
    _check(users, mean_behaviors, seed, labelled, missing)
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"folder must be a folder or not exist, got the file {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(int(seed))
    lexicons = [_lexicon(words) for words in (*_TOPICS.values(), _CHATTER)]
    templates = (_compile(_TEMPLATES), _compile(_CHATTER_TEMPLATES))
    styles = {
        (age, parent, region): _style_words(age, parent, region)
        for age in range(len(AGE_RANGES))
        for parent in (False, True)
        for region in _REGIONS
    }
    encode = json.encoder.encode_basestring_ascii  # json.dumps of a whole event is far slower
    # Log-normal activity with the wanted mean; its median is lower by the second term.
    log_median = math.log(mean_behaviors - MIN_BEHAVIORS) - _ACTIVITY_SPREAD**2 / 2

    with tempfile.TemporaryDirectory(prefix=".synthetic_logs-", dir=folder) as name:
        temporary = Path(name)
        part_paths = [temporary / f"part-{i:02}" for i in range(_PARTS)]
        with contextlib.ExitStack() as stack:
            parts = [stack.enter_context(open(p, "w", encoding="ascii")) for p in part_paths]
            label_path = temporary / "labels.csv"
            label_file = stack.enter_context(open(label_path, "w", encoding="ascii", newline=""))
            rows = csv.writer(label_file, lineterminator="\n")
            rows.writerow((USER_ID, *TASKS))
            for index in range(users):
                # An odd factor permutes the 32-bit numbers: ids are unique but tell no order.
                user_id = f"u{index * 2654435761 % MAX_USERS:08x}"
                user = _hidden_user(rng)
                count = MIN_BEHAVIORS + round(rng.lognormvariate(log_median, _ACTIVITY_SPREAD))
                own_styles = styles[user.age, user.parent, user.region]
                types = UserTypes(f"{seed} {user_id}", user.age, user.parent) if typed else None
                for timestamp, text in _behaviors(
                    rng, user, count, lexicons, templates, own_styles
                ):
                    more = ""
                    if types is not None:
                        kind, price = types.draw()
                        more = f', "type": "{kind}", "value": {json.dumps(price)}'
                    parts[int(rng.random() * _PARTS)].write(
                        f'{{"user_id": "{user_id}", "timestamp": {timestamp}, '
                        f'"text": {encode(text)}{more}}}\n'
                    )
                if rng.random() < labelled:
                    rows.writerow((user_id, *_labels(rng, user, missing)))
        # One gzip member without name and time: the bytes depend on the events alone.
        with (
            open(temporary / "events.jsonl.gz", "wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) as events,
        ):
            for path in part_paths:
                with open(path, "rb") as part:
                    shutil.copyfileobj(part, events, 1 << 16)
        for name in ("labels.csv", "events.jsonl.gz"):
            os.replace(temporary / name, folder / name)
    return folder / "events.jsonl.gz", folder / "labels.csv"
