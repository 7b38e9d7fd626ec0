"""Who people are: names, race and ethnicity (CDC/OMB codes), languages, and the places where they live."""

from __future__ import annotations

from dataclasses import dataclass

from caremesh.demo.clock import Zone
from caremesh.demo.codes.systems import HL7, LANGUAGE, OMB_RACE, Json, coding, concept, hl7


@dataclass(frozen=True)
class Area:
    """A metropolitan area: its state, its time zone, and its towns with one ZIP code each."""

    name: str
    state: str
    zone: Zone
    towns: tuple[tuple[str, str], ...]


EASTERN, CENTRAL, MOUNTAIN, PACIFIC = Zone(-5), Zone(-6), Zone(-7), Zone(-8)
ARIZONA = Zone(-7, has_daylight_saving=False)

# The last town of the Keene area lies in one of the ZIP3 areas with few inhabitants that HIPAA Safe Harbor masks.
AREAS = (
    Area("Worcester", "MA", EASTERN, (("Worcester", "01608"), ("Fitchburg", "01420"), ("Auburn", "01501"))),
    Area("Phoenix", "AZ", ARIZONA, (("Phoenix", "85003"), ("Tempe", "85281"), ("Mesa", "85201"))),
    Area("Houston", "TX", CENTRAL, (("Houston", "77002"), ("Katy", "77494"), ("Pasadena", "77506"))),
    Area("Keene", "NH", EASTERN, (("Keene", "03431"), ("Peterborough", "03458"), ("Alstead", "03602"))),
    Area("Denver", "CO", MOUNTAIN, (("Denver", "80202"), ("Aurora", "80012"), ("Boulder", "80301"))),
    Area("Portland", "OR", PACIFIC, (("Portland", "97205"), ("Beaverton", "97005"), ("Salem", "97301"))),
    Area("Nashville", "TN", CENTRAL, (("Nashville", "37203"), ("Franklin", "37064"), ("Smyrna", "37167"))),
    Area("Columbus", "OH", EASTERN, (("Columbus", "43215"), ("Dublin", "43017"), ("Newark", "43055"))),
)

STREETS = ("Oak Street", "Maple Avenue", "Main Street", "Cedar Lane", "Elm Street", "Washington Avenue", "Lake Road",
           "Hill Street", "Park Avenue", "Pine Court", "River Road", "Sunset Drive")  # fmt: skip

# fmt: off
FAMILY_NAMES = (
    "Abbott", "Alvarez", "Anderson", "Baker", "Bennett", "Brooks", "Campbell", "Carter", "Castillo", "Chen", "Clark",
    "Collins", "Cooper", "Cruz", "Davis", "Diaz", "Edwards", "Evans", "Fisher", "Flores", "Foster", "Garcia", "Gomez",
    "Gray", "Green", "Gutierrez", "Hall", "Harris", "Hernandez", "Hill", "Howard", "Hughes", "Jackson", "James",
    "Jenkins", "Johnson", "Kelly", "Kim", "King", "Lee", "Lewis", "Long", "Lopez", "Martin", "Martinez", "Miller",
    "Mitchell", "Moore", "Morales", "Morgan", "Murphy", "Nelson", "Nguyen", "O'Brien", "Ortiz", "Parker", "Patel",
    "Perez", "Peterson", "Phillips", "Powell", "Ramirez", "Reed", "Reyes", "Rivera", "Roberts", "Rogers", "Ruiz",
    "Sanchez", "Scott", "Smith", "Stewart", "Sullivan", "Taylor", "Torres", "Turner", "Walker", "Ward", "Washington",
    "White", "Williams", "Wilson", "Wood", "Wright", "Yazzie", "Young",
)
GIVEN_NAMES = {
    "female": (
        "Abigail", "Alice", "Amanda", "Ana", "Angela", "Barbara", "Carmen", "Carol", "Charlotte", "Chloe", "Deborah",
        "Diane", "Elena", "Elizabeth", "Emily", "Emma", "Grace", "Hannah", "Isabella", "Jennifer", "Joyce", "Karen",
        "Laura", "Linda", "Lucía", "Maria", "Mary", "Mia", "Nancy", "Naomi", "Olivia", "Patricia", "Rachel", "Ruth",
        "Sandra", "Sofia", "Susan", "Teresa", "Victoria", "Zoe",
    ),
    "male": (
        "Aaron", "Adam", "Andrew", "Anthony", "Benjamin", "Brian", "Carlos", "Charles", "Daniel", "David", "Diego",
        "Edward", "Ethan", "Frank", "Gabriel", "George", "Henry", "Isaac", "Jack", "James", "John", "José", "Joshua",
        "Kevin", "Liam", "Luis", "Marcus", "Matthew", "Michael", "Nathan", "Noah", "Oliver", "Patrick", "Paul",
        "Robert", "Samuel", "Steven", "Thomas", "Victor", "William",
    ),
}

WHITE = coding(OMB_RACE, "2106-3", "White")
BLACK = coding(OMB_RACE, "2054-5", "Black or African American")
ASIAN = coding(OMB_RACE, "2028-9", "Asian")
NATIVE = coding(OMB_RACE, "1002-5", "American Indian or Alaska Native")
PACIFIC_ISLANDER = coding(OMB_RACE, "2076-8", "Native Hawaiian or Other Pacific Islander")

# (categories, text, share); an empty tuple is a person who was not asked
RACES: tuple[tuple[tuple[Json, ...], str, int], ...] = (
    ((WHITE,), "White", 66),
    ((BLACK,), "Black or African American", 13),
    ((ASIAN,), "Asian", 7),
    ((NATIVE,), "American Indian or Alaska Native", 2),
    ((PACIFIC_ISLANDER,), "Native Hawaiian or Other Pacific Islander", 1),
    ((WHITE, BLACK), "White and Black or African American", 3),
    ((WHITE, ASIAN), "White and Asian", 2),
    ((WHITE, NATIVE, BLACK), "White, American Indian or Alaska Native, and Black or African American", 1),
    ((), "Unknown", 5),
)
# fmt: on
HISPANIC = coding(OMB_RACE, "2135-2", "Hispanic or Latino")
NOT_HISPANIC = coding(OMB_RACE, "2186-5", "Not Hispanic or Latino")

ENGLISH = concept(LANGUAGE, "en-US", "English (United States)")
SPANISH = concept(LANGUAGE, "es", "Spanish")

MARRIED = hl7("v3-MaritalStatus", "M", "Married")
NEVER_MARRIED = hl7("v3-MaritalStatus", "S", "Never Married")
DIVORCED = hl7("v3-MaritalStatus", "D", "Divorced")
WIDOWED = hl7("v3-MaritalStatus", "W", "Widowed")

MEDICAL_RECORD = {"coding": [coding(HL7 + "v2-0203", "MR", "Medical record number")], "text": "Medical record number"}
