"""`make up DEBUG=1`: a debugger can be attached to every function process of the local stack.

hook/         runs in the function processes, by PYTHONPATH: what is deployed knows nothing of it
attaching     the ports, the environment of the processes, and limits that leave time to think
"""
