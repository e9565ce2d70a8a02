"""A pipe that no one ever writes to: its reading end tells a child process when the server has died, however it died.

A parent-death signal would not do: it is sent when the *thread* that started the child ends, and Lambda workers
outlive the threads that start them.
"""

import os

_reading_end, _writing_end = os.pipe()


def descriptor() -> int:
    """The reading end, to be passed to a child (`pass_fds`); it reports end of file once the server is gone."""
    return _reading_end
