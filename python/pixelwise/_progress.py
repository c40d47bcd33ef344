"""Progress of long calls, by tqdm where that is installed."""

import time

# Calls shorter than this many seconds show nothing.
PATIENCE = 2.0


class Progress:
    """Shows how many of `total` samples are done: at once where it is wanted, else once a call is long."""

    def __init__(self, total, wanted):
        self._total = total
        self._wanted = wanted
        self._start = time.monotonic()
        self._bar = None

    def update(self, done):
        """Is told how many samples are done."""
        if self._bar is None and (self._wanted or time.monotonic() - self._start > PATIENCE):
            self._bar = self._open()
        if self._bar:
            self._bar.update(done - self._bar.n)

    def close(self):
        """The call has ended."""
        if self._bar:
            self._bar.close()

    def _open(self):
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return False
        return tqdm(total=self._total, unit="sample", leave=False)
