"""The query suite on a peer: what the programs beside this file share.

In flows the command line of the step `query` (as `quadrille-engine run NAME query ...` has it) and an engine; out flow
the same lines of JSON that the engines in Rust print. Always holds: answers hash as `benches/src/answers.rs` says, the
first run of a query hashes its rows and is not timed.
"""

import argparse
import datetime
import decimal
import json
import pathlib
import statistics
import sys
import time

import xxhash

XSD = "http://www.w3.org/2001/XMLSchema#"
INTEGERS = {
    XSD + name
    for name in (
        "integer byte short int long unsignedByte unsignedShort unsignedInt unsignedLong positiveInteger "
        "negativeInteger nonPositiveInteger nonNegativeInteger"
    ).split()
}
FRACTION_DIGITS = 9
RUNS_MAX = 25
RUNS_SECONDS = 1.0
MASK = (1 << 64) - 1


class Timeout(Exception):
    """The query took longer than it may."""


class Uncounted(Exception):
    """An answer whose rows cannot be compared."""


def arguments():
    parser = argparse.ArgumentParser(description="Runs the query suite on a peer.")
    parser.add_argument("run", choices=["run"])
    parser.add_argument("engine")
    parser.add_argument("step", choices=["query"])
    parser.add_argument("--store", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--queries", type=pathlib.Path, required=True)
    parser.add_argument("--only", type=lambda names: names.split(","), required=True)
    parser.add_argument("--limit", type=float, default=60)
    return parser.parse_args()


def emit(name, unit, value):
    print(json.dumps({"name": name, "unit": unit, "value": float(value)}), flush=True)


def literal(value, datatype=None, language=None):
    """The form in which a literal hashes."""
    if language:
        return f'"{value}"@{language.lower()}'
    if datatype in INTEGERS:
        return f"i{int(value)}"
    if datatype == XSD + "decimal":
        return decimal_form(value)
    if datatype == XSD + "boolean":
        return "b1" if value in ("true", "1") else "b0"
    if datatype in (XSD + "double", XSD + "float"):
        return double_form(float(value))
    if datatype in (None, XSD + "string"):
        return f'"{value}"'
    return f'"{value}"^^{datatype}'


def decimal_form(text):
    sign = "-" if text.startswith("-") else ""
    whole, _, fraction = text.lstrip("+-").partition(".")
    whole, fraction = whole.lstrip("0"), fraction[:FRACTION_DIGITS].rstrip("0")
    if not whole and not fraction:
        return "d0"
    return f"d{sign}{whole}.{fraction}" if fraction else f"d{sign}{whole}"


def double_form(number):
    digits, exponent = f"{number:.{FRACTION_DIGITS}e}".split("e")
    return f"e{digits}e{int(exponent)}"


def native(value):
    """The form in which a value of Python hashes."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "b1" if value else "b0"
    if isinstance(value, int):
        return f"i{value}"
    if isinstance(value, decimal.Decimal):
        return decimal_form(f"{value:f}")
    if isinstance(value, float):
        return double_form(value)
    if isinstance(value, datetime.datetime):
        return f'"{value.isoformat().replace("+00:00", "Z")}"^^{XSD}dateTime'
    if isinstance(value, datetime.date):
        return f'"{value.isoformat()}"^^{XSD}date'
    return f'"{value}"'


class Digest:
    """Count and hash of rows."""

    def __init__(self, comparison):
        self.comparison, self.rows, self.total = comparison, 0, 0

    def add(self, forms):
        text = "".join(form + "\n" for form in forms)
        if self.comparison == "ordered":
            text += str(self.rows)
        elif self.comparison == "count":
            text = ""
        self.rows += 1
        self.total = (self.total + xxhash.xxh3_64_intdigest(text.encode())) & MASK

    def hash(self):
        return self.total >> 12


def head(text, key):
    prefix = f"# {key}: "
    return next((line[len(prefix):] for line in text.splitlines() if line.startswith(prefix)), None)


def run(options, engine):
    """Runs the queries. `engine.query(text, seconds)` is what is timed, `engine.forms(text, seconds)` gives the forms of the
    rows; `engine.empty_query()` runs what costs the round trip alone, and is `None` where there is none."""
    emit("queries begin", "queries", len(options.only))
    for name in options.only:
        text = (options.queries / f"{name}.rq").read_text()
        try:
            measure(options, engine, name, text)
        except Timeout:
            emit(f"query {name}", "timeout", options.limit)
        except Exception as error:  # whatever the peer raises is its failure, and the next query begins
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            emit(f"query {name}", "failure", 0)


def measure(options, engine, name, text):
    digest = Digest(head(text, "compare"))
    try:
        for forms in engine.forms(text, options.limit):
            digest.add(forms)
        rows, is_comparable = digest.rows, True
    except (Uncounted, Timeout):
        rows, is_comparable = None, False
    times, round_trips, begin = [], [], time.perf_counter()
    while len(times) < RUNS_MAX and (not times or time.perf_counter() - begin < RUNS_SECONDS):
        times.append(seconds(lambda: engine.query(text, options.limit)))
        if engine.empty_query:
            round_trips.append(seconds(engine.empty_query))
    round_trip = statistics.median(round_trips) if round_trips else 0.0
    # Less than a twentieth of the round trip cannot be told from its own variation.
    own = max(statistics.median(times) - round_trip, round_trip / 20)
    if is_comparable:
        emit(f"query {name}", "rows", rows)
        emit(f"query {name}", "hash", digest.hash())
    emit(f"query {name}", "ms", own * 1e3)


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
