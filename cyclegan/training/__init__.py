"""Runs any method: data, schedule, checkpoints, several processes, and what a run leaves to look at."""
