"""Splits each batch between the processes of a training, and exchanges tensors between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor
from torch import distributed as dist


class World:
    """The group of processes that train together, as one of them sees it ("rank" and "world size" are torch's terms).

    All processes hold the same weights and draw the same random numbers for the whole batch; each trains on its share
    of the batch. The process of rank 0 leads: it alone scores and writes files. `World()` is a single process, which
    never communicates.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._pending: tuple[dist.Work, Tensor] | None = None

    @classmethod
    def join(cls, device: str) -> World:
        """Joins the processes that torch's launcher has started.

        Args:
            device: "cuda" or "cpu".
        """
        # gloo for CPU tensors, so that these never wait for a GPU
        dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
        if device == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        return cls(dist.get_rank(), dist.get_world_size())

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:  # after an error, the other processes may never reach these calls
            self._finish_pending()
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this process scores and writes files."""
        return self.rank == 0

    def meet(self) -> None:
        """Waits until all processes have called this."""
        if self.size > 1:
            dist.barrier()

    def share(self, count: int) -> slice:
        """Returns the slice of `count` images that this process trains on; `size` divides `count`."""
        own = count // self.size
        return slice(self.rank * own, (self.rank + 1) * own)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor, in place, by its mean over all processes, in one message. All are of one dtype."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            dist.all_reduce(flat)
            parts = (flat / self.size).split([tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def gather(self, images: Tensor) -> Tensor:
        """Returns the shares (N, …) of all processes as one batch (size × N, …), in order of rank, to every process."""
        if self.size == 1:
            return images
        shares = [torch.empty_like(images, memory_format=torch.contiguous_format) for _ in range(self.size)]
        dist.all_gather(shares, images.contiguous())
        return torch.cat(shares)

    def agree(self, number: int) -> int:
        """Exchanges a number between all processes, one call late.

        The result is one call old, so that no process waits during a step for another process or for a GPU.

        Args:
            number: 0 or more.

        Returns:
            The largest `number` that any process gave in the previous call, the same for every process; 0 in the first
            call. A single process gets `number` itself.
        """
        if self.size == 1:
            return number
        maximum, given = self._finish_pending(), torch.tensor([number])
        self._pending = dist.all_reduce(given, dist.ReduceOp.MAX, async_op=True), given
        return maximum

    def _finish_pending(self) -> int:
        if self._pending is None:
            return 0
        work, given = self._pending
        work.wait()
        self._pending = None
        return int(given)
