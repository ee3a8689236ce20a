"""The known units of measure: symbols and names with their names in pint, and currencies, which pint lacks."""

SYMBOLS = {
    "m": "meter", "cm": "centimeter", "mm": "millimeter", "km": "kilometer", "nm": "nanometer", "dm": "decimeter",
    "in": "inch", "ft": "foot", "yd": "yard", "mi": "mile", "g": "gram", "kg": "kilogram", "mg": "milligram",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "s": "second", "sec": "second", "secs": "second", "ms": "millisecond",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year", "yrs": "year",
    "l": "liter", "L": "liter", "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "dl": "deciliter",
    "gal": "gallon", "qt": "quart", "pt": "pint", "N": "newton", "kN": "kilonewton", "J": "joule", "kJ": "kilojoule",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "kWh": "kilowatt_hour", "V": "volt", "kV": "kilovolt",
    "mV": "millivolt", "A": "ampere", "mA": "milliampere", "C": "coulomb", "F": "farad", "T": "tesla", "H": "henry",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "Pa": "pascal", "kPa": "kilopascal",
    "K": "kelvin", "mol": "mole", "eV": "electron_volt", "atm": "atmosphere", "cal": "calorie", "kcal": "kilocalorie",
    "rad": "radian", "deg": "degree", "Ω": "ohm", "kΩ": "kiloohm", "μm": "micrometer", "μg": "microgram",
    "μs": "microsecond", "mph": "mile_per_hour", "kph": "kilometer_per_hour", "kmh": "kilometer_per_hour",
    "ha": "hectare",
    "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "°": "degree", "cc": "cubic_centimeter",
    "ct": "cent", "cts": "cent", "¢": "cent",
    "$": "dollar", "USD": "dollar", "US$": "dollar", "usd": "dollar", "€": "euro", "EUR": "euro", "£": "pound_sterling",
    "GBP": "pound_sterling", "¥": "yen", "JPY": "yen", "₹": "rupee", "INR": "rupee", "Rs": "rupee", "Rs.": "rupee",
    "rpm": "rpm", "bpm": "count", "fps": "count", "pcs": "count", "pts": "count", "wk": "week",
    "wks": "week",
    "Wh": "watt_hour", "mAh": "milliampere_hour", "lx": "lux", "lm": "lumen", "cd": "candela", "Bq": "becquerel",
    "Gy": "gray", "Sv": "sievert", "GW": "gigawatt", "mW": "milliwatt", "MJ": "megajoule", "psi": "psi", "bar": "bar",
    "mmHg": "mmHg", "amu": "amu", "MPa": "megapascal", "GPa": "gigapascal", "hPa": "hectopascal", "tbsp": "tablespoon",
    "tsp": "teaspoon", "mF": "millifarad", "nF": "nanofarad", "pF": "picofarad", "mH": "millihenry",
    "mC": "millicoulomb",
    "nC": "nanocoulomb", "keV": "kiloelectron_volt", "MeV": "megaelectron_volt", "mT": "millitesla", "ly": "light_year",
    "AU": "astronomical_unit", "ppm": "ppm", "Nm": "newton * meter",
    "kmph": "kilometer_per_hour", "mpg": "count",
    "dB": "decibel_level", "sqft": "square_foot", "CHF": "swiss_franc", "kr": "krona", "zł": "zloty",
    "₽": "ruble", "₩": "won",
    "CNY": "yuan", "RMB": "yuan", "CAD": "canadian_dollar", "AUD": "australian_dollar", "元": "yuan",
}  # fmt: skip
_NAMES_TEXT = """
    meter centimeter millimeter kilometer micrometer nanometer decimeter inch foot yard mile gram kilogram milligram
    pound ounce ton tonne second minute hour day week month year decade_of_years century_of_years millisecond liter
    milliliter centiliter deciliter gallon quart pint cup tablespoon teaspoon newton joule kilojoule watt kilowatt
    megawatt volt ampere coulomb farad tesla henry hertz kilohertz megahertz gigahertz pascal kilopascal kelvin mole
    calorie kilocalorie radian degree ohm acre hectare byte kilobyte megabyte gigabyte dollar cent euro yen rupee yuan
    knot fathom furlong"""
NAMES = frozenset(_NAMES_TEXT.split())
ALIASES = {
    "feet": "foot", "metre": "meter", "metres": "meter", "litre": "liter", "litres": "liter", "amp": "ampere",
    "amps": "ampere", "inches": "inch", "buck": "dollar", "bucks": "dollar", "penny": "cent", "pennies": "cent",
    "cent": "cent", "pence": "penny_sterling", "centuries": "century_of_years", "century": "century_of_years",
    "decade": "decade_of_years", "decades": "decade_of_years", "celsius": "celsius_degree",
    "fahrenheit": "fahrenheit_degree",
    "kilometre": "kilometer", "centimetre": "centimeter", "millimetre": "millimeter", "kilometres": "kilometer",
    "centimetres": "centimeter", "millimetres": "millimeter", "kilo": "kilogram", "kilos": "kilogram",
}  # fmt: skip
CODES = ("SEK", "NOK", "DKK", "PLN", "BRL", "MXN", "KRW", "RUB", "SGD", "HKD", "NZD", "ZAR")
"""Further currencies, by their code."""
PREFIXED = {
    "F": "farad",
    "C": "coulomb",
    "A": "ampere",
    "V": "volt",
    "L": "liter",
    "H": "henry",
    "N": "newton",
    "W": "watt",
}
SYMBOLS |= {f"μ{symbol}": f"micro{name}" for symbol, name in PREFIXED.items()}
SYMBOLS |= {"MΩ": "megaohm", "mΩ": "milliohm", "Å": "angstrom", "wpm": "count", "kbps": "kilobit", "Mbps": "megabit"}
_CYRILLIC = {
    "м": "meter", "см": "centimeter", "мм": "millimeter", "км": "kilometer", "дм": "decimeter", "г": "gram",
    "кг": "kilogram", "мг": "milligram", "т": "metric_ton", "л": "liter", "мл": "milliliter", "ч": "hour",
    "час": "hour", "мин": "minute", "с": "second", "сек": "second", "руб": "ruble", "га": "hectare", "шт": "count",
}  # fmt: skip
SYMBOLS |= _CYRILLIC
SYMBOLS |= {code: code.lower() for code in CODES}
OWN = (
    *(f"{code.lower()} = [{code.lower()}]" for code in CODES),
    "dollar = [currency]", "cent = dollar / 100", "euro = [euro]", "pound_sterling = [sterling]", "yen = [yen]",
    "penny_sterling = pound_sterling / 100", "rupee = [rupee]", "yuan = [yuan]", "canadian_dollar = [canadian]",
    "australian_dollar = [australian]", "decade_of_years = 10 * year", "century_of_years = 100 * year",
    "swiss_franc = [franc]", "krona = [krona]", "zloty = [zloty]", "ruble = [ruble]", "won = [won]",
    "celsius_degree = [celsius]", "decibel_level = [level]", "fahrenheit_degree = [fahrenheit]",
)  # fmt: skip
