"""A long-running process whose cases are measured in turns with ours: JSON lines in, JSON lines out.

Requests: {"id", "command", ...}. `prepare` builds a named case and answers with its handle. `run` runs it once and
answers with the seconds that it took. `drop` frees it. Requests are handled one at a time.
"""

import json
import os
import sys
import time

# Libraries may print on standard output: send that to standard error, and keep the real output for the protocol.
protocol = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

import torch  # noqa: E402

import image_gpt  # noqa: E402
import image_processor  # noqa: E402
import training  # noqa: E402

CASES = {**image_gpt.CASES, **image_processor.CASES, **training.CASES}


def versions(_request):
    import numpy
    import PIL
    import transformers

    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
    }


class Peer:
    def __init__(self):
        self.cases = {}

    def prepare(self, request):
        torch.set_num_threads(request["threads"])
        handle = f"{request['case']}-{len(self.cases)}"
        self.cases[handle] = (CASES[request["case"]](**request["options"]), request["threads"])
        return {"handle": handle}

    def run(self, request):
        case, threads = self.cases[request["handle"]]
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        start = time.perf_counter()
        result = case()
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "result": result if request.get("want_result") else None}

    def drop(self, request):
        del self.cases[request["handle"]]
        return {}

    def answer(self, request):
        commands = {"versions": versions, "prepare": self.prepare, "run": self.run, "drop": self.drop}
        return commands[request["command"]](request)


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"id": request["id"], "ok": True, **peer.answer(request)}
        except Exception as error:  # the benchmark decides what a failed case means
            answer = {"id": request["id"], "ok": False, "error": f"{type(error).__name__}: {error}"}
        protocol.write(json.dumps(answer) + "\n")
        protocol.flush()


main()
