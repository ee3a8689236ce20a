"""Runs on a Ray cluster, of one machine or many, which need no disk in common.

A run works in a folder of its own on its node, and :class:`mirror.Mirror` sends what it leaves there to
:class:`sink.Sink`, an actor beside the driver that writes it into the run's directory. When a node is lost, its runs
are begun again elsewhere, from what the sink has.
"""
