"""Speech: text to speech and speech to text, and the processes and services that do them.

What calls need of it is :mod:`hookflash.ports.speech`.
"""
