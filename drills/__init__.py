"""What must survive: real runs, killed at random moments, against runs that nobody disturbed."""
