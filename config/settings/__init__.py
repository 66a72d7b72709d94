"""Django settings: ``base`` is common, ``local``, ``test`` and ``production`` are chosen by DJANGO_SETTINGS_MODULE."""
