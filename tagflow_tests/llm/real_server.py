"""A real OpenAI-compatible server: llama.cpp's llama-server as a process of its own, on a free port of this machine."""

import json
import re
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

SLOTS = 4  # requests answered at a time, and most choices of one: llama-server's own default
SLOT_TOKENS = 16_384  # ours: of prompt and answer; where every byte is a token a prompt has thousands
START_SECONDS = 60.0  # ours: a tiny model is up in one
STOP_SECONDS = 10.0  # ours


class RealServer:
    """Serves one model from ``url`` until the block ends.

    Args:
        binary: the program.
        model: a GGUF file.
        log: file for what the server says.
        key: the one key it takes.
    """

    def __init__(self, binary: Path, model: Path, log: Path, key: str) -> None:
        self._log, self._key, self.url = log, key, ""
        self._command = [
            *(str(binary), "--model", str(model), "--alias", "tiny", "--host", "127.0.0.1", "--port", "0"),
            *("--ctx-size", str(SLOTS * SLOT_TOKENS), "--parallel", str(SLOTS), "--threads", "1", "--jinja"),
            *("--api-key", key, "--metrics", "--no-ui", "--log-colors", "off"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.url = f"{self._wait(self._process)}/v1"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, path: str, body: object = None) -> bytes:
        """Return what the server answers to a plain request below its root."""
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url.removesuffix('/v1')}{path}", sent, headers)
        with urllib.request.urlopen(request, timeout=START_SECONDS) as said:
            return bytes(said.read())

    def count_work(self) -> int:
        """Return how often it has run its model so far, by its own count."""
        (count,) = re.findall(r"^llamacpp:n_decode_total (\d+)$", self.ask("/metrics").decode(), re.M)
        return int(count)

    def _wait(self, process: "subprocess.Popen[bytes]") -> str:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if found := re.search(r"listening on (http://127\.0\.0\.1:\d+)", self._said()):
                return found[1]
            time.sleep(0.05)
        raise RuntimeError(f"llama-server did not start:\n{self._said()[-3000:]}")

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")
