"""Runs a TCP proxy that limits the upload rate, in a process of its own."""

import asyncio
import multiprocessing
import socket
from types import TracebackType
from typing import Self

_PIECE = 4096


class SlowProxy:
    """Forwards connections to a port of this machine while used as a context manager.

    Args:
        target: the port to forward to.
        bytes_per_second: upload rate of all connections together; downloads are not limited.

    Attributes:
        port: the port that the proxy listens on.
    """

    def __init__(self, target: int, bytes_per_second: float) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        run = self._run
        self._process = multiprocessing.get_context("fork").Process(
            target=run, args=(target, _PIECE / bytes_per_second)
        )

    def __enter__(self) -> Self:
        self._process.start()
        self._socket.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()

    def _run(self, target: int, pause: float) -> None:
        asyncio.run(self._serve(target, pause))

    async def _serve(self, target: int, pause: float) -> None:
        line = asyncio.Lock()  # all connections share the upload rate

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow: bool) -> None:
            while piece := await reader.read(_PIECE):
                if slow:
                    async with line:
                        await asyncio.sleep(pause * len(piece) / _PIECE)
                writer.write(piece)
                await writer.drain()
            writer.close()

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", target)
            both = forward(reader, up_writer, True), forward(up_reader, writer, False)
            await asyncio.gather(*both, return_exceptions=True)

        async with await asyncio.start_server(connect, sock=self._socket) as server:
            await server.serve_forever()
