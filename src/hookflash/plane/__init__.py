"""The media plane: columns, systems and kernels in a worker, and the desk in control that directs it."""
