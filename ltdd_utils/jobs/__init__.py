"""Units of runs side by side: each made by one of several processes as soon as what it needs is there.

``share`` says how many processes and threads, ``schedule`` which unit is next, ``processes`` and ``worker`` are the two
ends of a process that makes units, ``sources`` what such a process can make, ``side_by_side`` the loop. The results lie
in the store; whoever asked for the units reads them there afterwards, as if it had made them itself.
"""

from ltdd_utils.jobs.schedule import Schedule, Task
from ltdd_utils.jobs.share import Share, cores
from ltdd_utils.jobs.side_by_side import Failure, Place, View, side_by_side

__all__ = ["Failure", "Place", "Schedule", "Share", "Task", "View", "cores", "side_by_side"]
