"""The query suite on Fluree, in this process: the wheel `fluree` of PyPI.

In flow the arguments of the step `query`, out flow figures. Always holds: every value of every row has become one of
Python when the clock stops.
"""

import collections
import re
import time

import fluree

import suite

# The graph of a line: an IRI of the network's graphs before the full stop.
GRAPH = re.compile(rb" (<http://stages\.example\.org/graph/[^>]*>) \.\n$")
COMMIT_QUADS = 100_000
# Fluree refuses more than 256 in one commit.
COMMIT_GRAPHS = 250
INDEX_SECONDS = 3_600


class Fluree:
    empty_query = None

    def __init__(self, ledger):
        self.ledger = ledger

    def query(self, text, seconds):
        try:
            return self.ledger.query(text, timeout=seconds)
        except fluree.QueryTimeoutError as error:
            raise suite.Timeout() from error

    def forms(self, text, seconds):
        answer = self.query(text, seconds)
        if isinstance(answer, bool):
            yield [suite.native(answer)]
            return
        if isinstance(answer, (dict, list)):
            raise suite.Uncounted()  # a graph comes as JSON-LD
        for record in answer:
            yield [self.form(value) for value in record]

    @staticmethod
    def form(value):
        if isinstance(value, fluree.BlankNode):
            return "_:"
        if isinstance(value, fluree.IRI):
            return f"<{value}>"
        if isinstance(value, fluree.LangString):
            return suite.literal(str(value), language=value.language)
        if isinstance(value, fluree.Literal):
            return suite.literal(value.value, value.datatype)
        return suite.native(value)


def load(connection, options):
    """The default graph in bulk, the named ones by commits: in bulk, Fluree 4.2 takes a second or more for each graph."""
    triples = options.store / "default.nt"
    graphs, gathered = collections.defaultdict(list), 0
    named = options.store / "named.nq"
    with open(options.data / "stages.nq", "rb") as lines, open(triples, "wb") as default, open(named, "wb") as rest:
        for line in lines:
            (rest if GRAPH.search(line) else default).write(line)
    ledger = connection.create("stages", source=triples)
    with open(named, "rb") as lines:
        for line in lines:
            graph = GRAPH.search(line)
            graphs[graph[1]].append(line[: graph.start()] + b" .\n")
            gathered += 1
            if gathered == COMMIT_QUADS or len(graphs) == COMMIT_GRAPHS:
                insert(ledger, graphs)
                gathered = 0
    insert(ledger, graphs)
    ledger.index(timeout=INDEX_SECONDS)
    for path in (triples, named):
        path.unlink()
    return ledger


def insert(ledger, graphs):
    text = b"".join(b"GRAPH %s {\n%s}\n" % (graph, b"".join(triples)) for graph, triples in graphs.items())
    graphs.clear()
    if text:
        ledger.insert(text.decode())


def main():
    options = suite.arguments()
    loaded = options.store / "loaded"
    options.store.mkdir(parents=True, exist_ok=True)
    with fluree.connect(str(options.store / "store")) as connection:
        if loaded.exists():
            ledger = connection.ledger("stages")
        else:
            start = time.perf_counter()
            ledger = load(connection, options)
            quads = sum(1 for _ in open(options.data / "stages.nq", "rb"))
            suite.emit("bulk load of the network", "quads/s", quads / (time.perf_counter() - start))
            loaded.touch()
        suite.run(options, Fluree(ledger))


main()
