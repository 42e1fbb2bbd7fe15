"""The REST API of Chronos: turns requests into ChronosJobs, and reads back what became of them.

main wires, routes answer, deps hand out what a route needs, store and auth talk to the outside,
schemas say what requests and answers look like.
"""
