"""Tasks and the runners that execute them.

A **task** is a function of objects to objects, named by its content: the same task on the same inputs has the same key
on every machine. A **runner** executes tasks somewhere and promises that one which fails takes no other with it.
Neither knows the hub: a worker never opens the database.
"""
