"""The query suite on Fluree, in this process: the wheel `fluree` of PyPI.

In flow the arguments of the step `query`, out flow figures. Always holds: every value of every row has become one of
Python when the clock stops.
"""

import time

import fluree

import suite


class Fluree:
    empty_query = None

    def __init__(self, ledger):
        self.ledger = ledger

    def query(self, text, seconds):
        try:
            return self.ledger.query(text, timeout=seconds)
        except fluree.QueryTimeoutError as error:
            raise suite.Timeout() from error

    def forms(self, answer):
        if isinstance(answer, bool):
            yield [suite.native(answer)]
            return
        if isinstance(answer, (dict, list)):
            raise suite.Uncounted(None)  # a graph comes as JSON-LD
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


def main():
    options = suite.arguments()
    loaded = options.store / "loaded"
    options.store.mkdir(parents=True, exist_ok=True)
    with fluree.connect(str(options.store / "store")) as connection:
        if loaded.exists():
            ledger = connection.ledger("stages")
        else:
            start = time.perf_counter()
            ledger = connection.create("stages", source=options.data / "stages.nq")
            quads = sum(1 for _ in open(options.data / "stages.nq", "rb"))
            suite.emit("bulk load of the network", "quads/s", quads / (time.perf_counter() - start))
            loaded.touch()
        suite.run(options, Fluree(ledger))


main()
