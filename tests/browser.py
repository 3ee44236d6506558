"""A headless Chromium for tests, driven through the DevTools protocol.

Everything that the page requests, logs or throws is noted, so a test can say that nothing was.
"""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)

_PATIENCE_S = 60.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_KEYS = {
    "ArrowDown": 40,
    "ArrowUp": 38,
    "ArrowLeft": 37,
    "ArrowRight": 39,
    "Enter": 13,
    "Tab": 9,
    "Escape": 27,
}

T = TypeVar("T")


class Browser:
    """One page in a fresh profile; use as an async context manager."""

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        self.requests: list[str] = []
        self.complaints: list[str] = []
        """Console errors and warnings, exceptions, violations of the policy."""
        self.dialogs: list[str] = []
        self._profile = folder / "profile"
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._waiting: dict[str, asyncio.Event] = {}
        self._session = ""
        self._n_downloads = 0
        self._number = 0

    async def __aenter__(self) -> Self:
        assert CHROMIUM
        self.downloads.mkdir(parents=True, exist_ok=True)
        command = [CHROMIUM, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await self._connect()
        except BaseException:
            self._process.kill()
            raise
        return self

    async def _connect(self) -> None:
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(await self._find_address(), max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        targets = await self.call("Target.getTargets")
        page = next(t for t in targets["targetInfos"] if t["type"] == "page")
        attached = await self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(self.downloads),
            eventsEnabled=True,
        )

    async def __aexit__(self, *_: object) -> None:
        self._reader.cancel()
        await self._socket.close()
        await self._http.close()
        self._process.terminate()
        self._process.wait(30)

    async def open(self, page: Path) -> None:
        await self._load("Page.navigate", url=page.as_uri())

    async def reload(self) -> None:
        await self._load("Page.reload")

    async def _load(self, method: str, **arguments: Any) -> None:
        loaded = self._waiting["Page.loadEventFired"] = asyncio.Event()
        await self.call(method, **arguments)
        await asyncio.wait_for(loaded.wait(), _PATIENCE_S)

    async def press(self, *keys: str) -> None:
        for key in keys:
            text = {} if key in _KEYS else {"text": key}
            code = _KEYS.get(key, ord(key[0].upper()))
            for kind in ("keyDown", "keyUp"):
                await self.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key=key,
                    windowsVirtualKeyCode=code,
                    **(text if kind == "keyDown" else {}),
                )

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page, as a person with its console would."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def text_of(self, selector: str) -> str:
        return str(await self.value(f"document.querySelector({json.dumps(selector)}).textContent"))

    async def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        where = f"document.querySelector({json.dumps(selector)})"
        await self.value(f"{where}.scrollIntoView({{block: 'center'}})")
        box = await self.value(f"{where}.getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def choose_file(self, selector: str, path: Path) -> None:
        found = await self.call(
            "Runtime.evaluate", expression=f"document.querySelector('{selector}')"
        )
        object_id = found["result"]["objectId"]
        await self.call("DOM.setFileInputFiles", files=[str(path)], objectId=object_id)

    async def downloaded(self) -> Path:
        """Wait for the one download, and move it out of the way."""
        await wait_until(lambda: self._n_downloads)
        self._n_downloads -= 1
        (path,) = self.downloads.iterdir()
        return path.replace(self.downloads.parent / path.name)

    async def screenshot(self, path: Path) -> None:
        shot = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    async def call(self, method: str, **arguments: Any) -> Any:
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": arguments}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        return await asyncio.wait_for(answer, _PATIENCE_S)

    async def _find_address(self) -> str:
        file = self._profile / "DevToolsActivePort"
        await wait_until(lambda: file.exists() and file.read_text().count("\n") == 1)
        port, path = file.read_text().split("\n")
        return f"ws://127.0.0.1:{port}{path}"

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                answer = self._answers.pop(data["id"])
                if "error" in data:
                    answer.set_exception(RuntimeError(str(data["error"])))
                else:
                    answer.set_result(data["result"])
            else:
                await self._note(data["method"], data["params"])

    async def _note(self, event: str, given: dict[str, Any]) -> None:
        if event in self._waiting:
            self._waiting[event].set()
        if event == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(given["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(given["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(given["args"]))
        elif event == "Browser.downloadProgress":
            self._n_downloads += given["state"] == "completed"
        elif event == "Page.javascriptDialogOpening":
            self.dialogs.append(f"{given['type']}: {given['message']}")
            # Without waiting for its answer, which this task itself would have to read.
            answer = asyncio.create_task(self.call("Page.handleJavaScriptDialog", accept=True))
            self._answering = answer


async def wait_until(ready: Callable[[], Any]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not ready():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


def browse(folder: Path, visit: Callable[[Browser], Awaitable[T]]) -> T:
    """Run a visit in a fresh browser."""

    async def run() -> T:
        async with Browser(folder) as browser:
            return await visit(browser)

    routine: Coroutine[Any, Any, T] = run()
    return asyncio.run(routine)
