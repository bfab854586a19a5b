"""The query suite on Virtuoso, over HTTP: `virtuoso-t` of Debian's virtuoso-opensource-7-bin.

In flow the arguments of the step `query`, out flow figures. Always holds: the server is started here, listens on this
machine alone, and is stopped here; a time ends with the last byte of the answer, less the round trip of an empty query.
Triples without a graph stand in a graph of their own, which queries without FROM have as their default graph.
"""

import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import suite

SQL_PORT, HTTP_PORT = 21111, 28890
DEFAULT_GRAPH = "urn:stages:default"
RESULTS = "{http://www.w3.org/2005/sparql-results#}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
START_SECONDS = 60
SETTINGS = """[Database]
DatabaseFile = {store}/virtuoso.db
ErrorLogFile = {store}/virtuoso.log
LockFile = {store}/virtuoso.lck
TransactionFile = {store}/virtuoso.trx
xa_persistent_file = {store}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {store}/virtuoso-temp.db
TransactionFile = {store}/virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DirsAllowed = {data}
NumberOfBuffers = 340000
MaxDirtyBuffers = 250000
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {store}
[SPARQL]
MaxQueryCostEstimationTime = 0
"""


class Virtuoso:
    def __init__(self, options):
        self.options, self.server = options, start(options)

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def give_up(self):
        """A query that nobody waits for any more still runs: the server goes with it, and a new one comes."""
        self.server.kill()
        self.server.wait()
        (self.options.store / "virtuoso.lck").unlink(missing_ok=True)
        self.server = start(self.options)
        return suite.Timeout()

    def empty_query(self):
        self.query("ASK {}", 10)

    def query(self, text, seconds):
        """Times are those of the quickest of the formats, which tells no types; graphs come as N-Triples."""
        return self.ask(text, "text/plain" if is_graph(text) else "text/csv", seconds)

    def forms(self, text, seconds):
        if is_graph(text):
            raise suite.Uncounted()
        document = xml.etree.ElementTree.fromstring(self.ask(text, "application/sparql-results+xml", seconds))
        boolean = document.find(f"{RESULTS}boolean")
        if boolean is not None:
            yield [suite.native(boolean.text in ("true", "1"))]
            return
        names = [variable.get("name") for variable in document.iter(f"{RESULTS}variable")]
        for row in document.iter(f"{RESULTS}result"):
            values = {binding.get("name"): binding[0] for binding in row}
            if names == ["__ASK_RETVAL"]:
                yield [suite.native(True)]
                return
            yield [self.form(values.get(name)) for name in names]
        if names == ["__ASK_RETVAL"]:
            yield [suite.native(False)]

    def ask(self, text, form, seconds):
        # A default graph that is given hides the graphs that a query names.
        if not re.search("FROM|GRAPH [^?]", text):
            text = f"define input:default-graph-uri <{DEFAULT_GRAPH}> {text}"
        body = urllib.parse.urlencode({"query": text, "format": form}).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{HTTP_PORT}/sparql", body, timeout=seconds) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode(errors="replace")[:400]) from error
        except TimeoutError as error:
            raise self.give_up() from error
        except urllib.error.URLError as error:
            raise self.give_up() if isinstance(error.reason, TimeoutError) else error

    @staticmethod
    def form(value):
        if value is None:
            return "-"
        text = value.text or ""
        if value.tag == f"{RESULTS}uri":
            return f"<{text}>"
        if value.tag == f"{RESULTS}bnode":
            return "_:"
        return suite.literal(text, value.get("datatype"), value.get(LANGUAGE))


def is_graph(text):
    return "\nCONSTRUCT" in text or "\nDESCRIBE" in text


def start(options):
    """Starts the server; waits until it takes connections."""
    store = options.store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    settings = store / "virtuoso.ini"
    text = SETTINGS.format(store=store, data=options.data.resolve(), sql=SQL_PORT, http=HTTP_PORT)
    settings.write_text(text)
    server = subprocess.Popen(
        ["virtuoso-t", "+foreground", "+configfile", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    begin = time.monotonic()
    while time.monotonic() - begin < START_SECONDS and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", HTTP_PORT), timeout=1).close()
            return server
        except OSError:
            time.sleep(0.2)
    server.kill()
    sys.exit(f"virtuoso-t does not start: see {store}/virtuoso.log")


def sql(statement):
    command = ["isql-vt", f"127.0.0.1:{SQL_PORT}", "dba", "dba", f"exec={statement};"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or "Error" in done.stdout + done.stderr:
        raise RuntimeError((done.stdout + done.stderr)[-600:])


def load(data: pathlib.Path):
    quads = sum(1 for _ in open(data, "rb"))
    begin = time.perf_counter()
    sql("log_enable(2)")
    # 512: N-Quads; lines without a graph go to the one named.
    sql(f"DB.DBA.TTLP_MT(file_open('{data}'), '', '{DEFAULT_GRAPH}', 512, 2)")
    sql("checkpoint")
    suite.emit("bulk load of the network", "quads/s", quads / (time.perf_counter() - begin))


def main():
    options = suite.arguments()
    for program in ("virtuoso-t", "isql-vt"):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed: apt-get install virtuoso-opensource-7-bin")
    virtuoso = Virtuoso(options)
    try:
        loaded = options.store / "loaded"
        if not loaded.exists():
            load(options.data.resolve() / "stages.nq")
            loaded.touch()
        suite.run(options, virtuoso)
    finally:
        virtuoso.stop()


main()
