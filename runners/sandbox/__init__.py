"""The box: a process of its own for code that nobody trusts, without network, files, privileges or company (promise 29).

`box.py` is the worker's side, `enter.py` the process that builds the box around itself and then becomes the program, `syscalls.py`
what the program may ask of the kernel. See docs/skills.md."""
