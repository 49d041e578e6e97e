"""A dashboard of its own on this machine, and visitors that speak to it as a browser does: one websocket each, over
which Streamlit's own messages go. Nothing outside the loopback address is ever asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
WAIT = 120.0  # seconds for one answer before a visitor gives up
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Server:
    """A running dashboard: its port, its process, its runs folder."""

    def __init__(self, home: Path, port: int) -> None:
        self.port, self.runs, self.log = port, home / "runs", home / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true", "--server.port",
                 str(port), "--server.address", HOST, "--server.enableXsrfProtection", "false"],
                cwd=ROOT, env=os.environ | folders(home), stdout=log, stderr=log,
            )  # fmt: skip

    def wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + WAIT
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{HOST}:{self.port}/_stcore/health"):
                return
            time.sleep(0.1)
        raise RuntimeError(f"The server did not start; see {self.log}.")


def folders(home: Path) -> dict[str, str]:
    """The environment of a dashboard, or a training, that lives in a folder of its own."""
    return {"SIAMESE_RUNS": str(home / "runs"), "SIAMESE_LOCKS": str(home / "locks")}


@contextlib.contextmanager
def serving(home: Path, port: int = 0) -> Iterator[Server]:
    """A dashboard on a free port, ended with the block."""
    if not port:
        with socket.socket() as s:
            s.bind((HOST, 0))
            port = s.getsockname()[1]
    server = Server(home, port)
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(30)


class Visitor:
    """One browser session."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.states: dict[str, WidgetState] = {}
        self.elements: dict[str, Any] = {}  # what is on the page: key -> its message
        self.pages: dict[str, str] = {}  # address -> what Streamlit calls it
        self.page, self.query, self.session = "", "", ""
        self.ticking = ""  # the part of the page that wants to be drawn every second
        self.received = bytearray()  # everything since the last question

    async def __aenter__(self) -> Visitor:
        address = f"ws://{HOST}:{self.server.port}/_stcore/stream"
        self.socket = await websockets.connect(address, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def visit(self, page: str, query: str = "") -> float:
        """Open a page by its address; seconds until it is drawn."""
        self.page, self.query, self.states = page, query, {}
        return await self.rerun()

    async def tick(self) -> float | None:
        """Run the page's ticking part again, as a browser does every second; None when nothing ticks."""
        return await self.rerun(fragment=self.ticking) if self.ticking else None

    async def rerun(self, fragment: str = "", **changes: Any) -> float:
        """Run the page again after setting widgets by their keys; seconds until it is drawn.

        True presses a button; other values are set, words by what the reader sees.
        """
        message = BackMsg()
        client = message.rerun_script
        client.query_string = self.query
        client.fragment_id = fragment
        if self.page in self.pages:
            client.page_script_hash = self.pages[self.page]
        else:
            client.page_name = self.page
        pressed = []
        for key, value in changes.items():
            state = self._state(key, value)
            if state.HasField("trigger_value"):
                pressed.append(state)
            else:
                self.states[state.id] = state
        client.widget_states.widgets.extend([*self.states.values(), *pressed])
        self.received.clear()
        if not fragment:
            self.elements.clear()
            self.ticking = ""
        began = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        await asyncio.wait_for(self._until_drawn(), WAIT)
        return time.perf_counter() - began

    async def upload(self, key: str, name: str, data: bytes) -> float:
        """Give a file to an uploader; seconds until the page is drawn with it."""
        began = time.perf_counter()
        message = BackMsg()
        ask = message.file_urls_request
        ask.request_id, ask.session_id = key, self.session
        ask.file_names.append(name)
        await self.socket.send(message.SerializeToString())
        urls = await asyncio.wait_for(self._until_urls(), WAIT)
        address = f"http://{HOST}:{self.server.port}{urls.upload_url}"
        reply = await asyncio.to_thread(requests.put, address, files={"file": (name, data)}, timeout=WAIT)
        reply.raise_for_status()
        state = WidgetState(id=self.elements[key].id)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(data), urls.file_id
        info.file_urls.CopyFrom(urls)
        self.states[state.id] = state
        await self.rerun()
        return time.perf_counter() - began

    def label(self, key: str, part: str) -> str:
        """The option of a chooser that holds these words."""
        options = [str(getattr(o, "content", o)) for o in self.elements[key].options]
        return next(o for o in options if part.lower() in o.lower())

    def key(self, begin: str) -> str:
        """The widget whose key begins so: some end in what they are of."""
        return next((k for k in self.elements if k.startswith(begin)), begin)

    def value(self, begin: str) -> float:
        """What a slider says."""
        element = self.elements[self.key(begin)]
        state = self.states.get(element.id)
        return float(state.double_array_value.data[0] if state else element.default[0])

    def _state(self, key: str, value: Any) -> WidgetState:
        if key not in self.elements:
            raise KeyError(f"There is no widget {key} on the page '{self.page}'; there are {sorted(self.elements)}.")
        element = self.elements[key]
        state = WidgetState(id=element.id)
        match type(element).__name__:
            case "Button":
                state.trigger_value = True
            case "Slider":
                state.double_array_value.data.extend([value])
            case "NumberInput":
                state.double_value = value
            case "Checkbox":
                state.bool_value = value
            case "ButtonGroup" | "MultiSelect":
                state.string_array_value.data.extend([value])
            case _:
                state.string_value = value
        return state

    async def _next(self) -> ForwardMsg:
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        self.received += data
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
        elif kind == "navigation":
            self.pages = {p.url_pathname: p.page_script_hash for p in message.navigation.app_pages}
        elif kind == "auto_rerun":
            self.ticking = message.auto_rerun.fragment_id
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            inner = getattr(element, element.WhichOneof("type"), None)
            if getattr(inner, "id", ""):
                self.elements[inner.id.split("-", 2)[-1]] = inner
        return message

    async def _until_drawn(self) -> None:
        while True:
            message = await self._next()
            if message.WhichOneof("type") == "script_finished" and message.script_finished in DONE:
                return

    async def _until_urls(self) -> Any:
        while True:
            message = await self._next()
            if message.WhichOneof("type") == "file_urls_response":
                return message.file_urls_response.file_urls[0]
