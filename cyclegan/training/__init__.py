"""Runs a training by any method: data, schedule, checkpoints, several processes, and the run's page and event files."""
