"""Replays the work of a training step on a GPU as a CUDA graph.

A step of batch 1 is thousands of small kernels; launched one by one from Python, they leave the GPU waiting for three
quarters of the time. A graph launches all of them at once (https://pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_PLAIN_CALLS = 3  # before the capture: libraries and optimizers set themselves up in the first ones


class Replayed:
    """A function of tensors that the GPU replays as one graph from the fourth call on. Results are the same.

    The function is called again by no replay: what it reads besides its arguments must be tensors that keep their
    places in memory, and it must not wait for the device.
    """

    def __init__(self, function: Callable[..., dict[str, Tensor]], *, captures: bool) -> None:
        """Wraps a function.

        Args:
            function: of tensors, some of which may be None; returns tensors by name.
            captures: whether to make a graph; False: each call calls the function.
        """
        self._function, self._captures = function, captures
        self.forget()

    def forget(self) -> None:
        """Releases the graph and its memory; the next calls make another."""
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: tuple[Tensor | None, ...] = ()
        self._outputs: dict[str, Tensor] = {}
        self._plain_calls = 0

    def __call__(self, *inputs: Tensor | None) -> dict[str, Tensor]:
        """Returns what the function returns; each tensor is None in all calls or in none, and keeps its shape."""
        if not self._captures:
            return self._function(*inputs)
        if self._graph is None and self._plain_calls < _PLAIN_CALLS:
            self._plain_calls += 1
            return self._on_side_stream(*inputs)
        if self._graph is None:
            self._graph = self._capture(*inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            if own is not None and given is not None:
                own.copy_(given)
        self._graph.replay()
        return {name: value.clone() for name, value in self._outputs.items()}

    def _on_side_stream(self, *inputs: Tensor | None) -> dict[str, Tensor]:
        """Calls the function as a capture does: not on the default stream, for which other streams wait."""
        side, main = torch.cuda.Stream(), torch.cuda.current_stream()
        side.wait_stream(main)
        with torch.cuda.stream(side):
            outputs = self._function(*inputs)
        main.wait_stream(side)
        return outputs

    def _capture(self, *inputs: Tensor | None) -> torch.cuda.CUDAGraph:
        self._inputs = tuple(None if given is None else given.clone() for given in inputs)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._outputs = self._function(*self._inputs)
        return graph
