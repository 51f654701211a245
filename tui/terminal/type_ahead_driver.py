"""The terminal's driver, for what is typed before the app has taken the terminal over."""

import fcntl
import struct
import termios

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message


class TypeAheadDriver(LinuxDriver):
    """Textual's own, but an Enter from before it stays an Enter.

    Until a program takes every key as it is, the terminal makes a line end of Enter, which Textual knows as Ctrl+J. How
    much was typed until then can be asked at that moment, and is counted off as the keys come.
    """

    _early = 0  # bytes that were typed before, not counting a line that had no Enter yet

    def start_application_mode(self) -> None:
        """As Textual's, after a look at what was typed before."""
        before = None
        if self.input_tty:
            before = termios.tcgetattr(self.fileno)
            from_now_on = [before[0] & ~termios.ICRNL, *before[1:]]
            termios.tcsetattr(self.fileno, termios.TCSANOW, from_now_on)
            (self._early,) = struct.unpack("i", fcntl.ioctl(self.fileno, termios.FIONREAD, b"\0" * 4))
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no types
        self.attrs_before = before or self.attrs_before

    def process_message(self, message: Message) -> None:
        """Make an Enter of a line end that was typed before; runs in the thread that reads."""
        if self._early > 0 and isinstance(message, events.Key):
            self._early -= len((message.character or " ").encode())
            if message.key == "ctrl+j":
                message = events.Key("enter", "\r")
        super().process_message(message)
