"""Runs on a Ray cluster of one machine or several. The machines do not need a shared disk.

A run works in a folder of its own on its node. :class:`mirror.Mirror` sends new files to :class:`sink.Sink`, an actor
on the driver's machine that writes them into the directory of the run. If a node is lost, its runs start again on other
nodes, from what the sink has.
"""
