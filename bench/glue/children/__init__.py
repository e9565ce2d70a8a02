"""What runs in the measured processes; started by path."""
