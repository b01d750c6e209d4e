"""Speech services over the network. Everything here runs in worker processes only, see
:mod:`hookflash.speech.services.worker`; what the server has of them is in :mod:`hookflash.speech.remote`."""
