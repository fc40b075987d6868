"""Histories of what clients asked and were answered, and the judge of them.

record.py says what a history is, checker.py judges one, linear.py finds an order in which the
writes of one item could have happened, clients.py makes histories on running daemons, nemesis.py
breaks things meanwhile, and run.py puts the three together.
"""
