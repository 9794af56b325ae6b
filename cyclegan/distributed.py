"""The processes that share each batch: what each takes of it, and what they have to agree on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor
from torch import distributed as dist


class World:
    """One of `size` processes. All hold the same weights and draw the same random numbers for the whole batch, and
    each trains on its share of it; the first one leads: it alone scores and writes files.

    `World()` is a process alone, which shares with nobody and waits for nobody.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._asked: tuple[dist.Work, Tensor] | None = None

    @classmethod
    def join(cls, device: str) -> World:
        """As one of the processes that torch's launcher has started; `device` is "cuda" or "cpu"."""
        # what travels from CPU to CPU never waits for a GPU
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return cls(dist.get_rank(), dist.get_world_size())

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:  # others may never come to what would be waited for here
            self._answer()
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def meet(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            dist.barrier()

    def share(self, count: int) -> slice:
        """Which of `count` images are this process's own."""
        own = count // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in one message."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def gather(self, images: Tensor) -> Tensor:
        """The shares (N, …) of all processes as one batch (size × N, …), the same for each."""
        if self.size == 1:
            return images
        shares = [torch.empty_like(images, memory_format=torch.contiguous_format) for _ in range(self.size)]
        dist.all_gather(shares, images.contiguous())
        return torch.cat(shares)

    def agree(self, number: int) -> int:
        """The largest `number` that any process gave one call ago; alone, `number` itself.

        All get the same answer in the same call. It is one call old so that nobody waits for it in the middle of a
        step, neither for another process nor for a GPU.
        """
        if self.size == 1:
            return number
        answer, given = self._answer(), torch.tensor([number])
        self._asked = dist.all_reduce(given, dist.ReduceOp.MAX, async_op=True), given
        return answer

    def _answer(self) -> int:
        if self._asked is None:
            return 0
        work, given = self._asked
        work.wait()
        self._asked = None
        return int(given)
