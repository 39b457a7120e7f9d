"""Readings for the lab streaming layer (LSL)."""

from __future__ import annotations

import threading

from painprint.live.reader import LiveReading

CHANNELS = ("score", "mean", "low", "high")
"""Numbers of a reading that are sent; NaN for no prediction."""
STREAM = "painprint"
WAIT_S = 0.5


class Outlet:
    """A stream of the readings that come from now on, one sample a volume.

    Raises
    ------
    ImportError
        If pylsl is not installed.
    """

    def __init__(self, reading: LiveReading) -> None:
        from pylsl import StreamInfo, StreamOutlet, cf_double64

        info = StreamInfo(STREAM, "Prediction", len(CHANNELS), 0.0, cf_double64, STREAM)
        channels = info.desc().append_child("channels")
        for name in CHANNELS:
            channels.append_child("channel").append_child_value("label", name)
        self._outlet, self._reading = StreamOutlet(info), reading
        _, self._number, _ = reading.since(0, 0.0)
        self._thread = threading.Thread(target=self._follow, name="lsl", daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        has_ended = False
        while not has_ended:
            rows, self._number, has_ended = self._reading.since(self._number, WAIT_S)
            for row in rows:
                values = [row[name] for name in CHANNELS]
                self._outlet.push_sample([float("nan") if v is None else v for v in values])

    def close(self) -> None:
        """Wait until the last reading was sent, for a moment."""
        self._thread.join(timeout=2 * WAIT_S)
