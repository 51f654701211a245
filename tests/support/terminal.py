"""A program in a terminal of our own (a pty, its screen kept by pyte): type, and look at the screen."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

ROWS, COLUMNS = 40, 120


class _Screen(pyte.Screen):
    """A screen whose terminal answers programs that ask what it is."""

    master = -1

    def write_process_input(self, data: str) -> None:
        os.write(self.master, data.encode())


class Terminal:
    """A program in a terminal.

    Args:
        command: What to run.
        environment: Its environment, whole.
        size: Rows and columns.
        echo: Whether the terminal itself shows what is typed until the program takes over, as terminals do.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        size: tuple[int, int] = (ROWS, COLUMNS),
        *,
        echo: bool = True,
    ) -> None:
        rows, columns = size
        self.screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = bytearray()  # all that the program wrote, as it wrote it
        self.master, slave = pty.openpty()
        self.screen.master = self.master
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if not echo:
            attributes = termios.tcgetattr(slave)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
        )
        os.close(slave)

    def type(self, keys: str) -> None:
        """Type, and take in what the program writes meanwhile."""
        data = keys.encode("utf-8")
        while data:
            select.select([], [self.master], [], 5)
            data = data[os.write(self.master, data[:1024]) :]
            self.read(0.01)

    def paste(self, text: str) -> None:
        """Paste, as a terminal with bracketed paste does."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def read(self, seconds: float) -> bool:
        """Wait so long for the program to write, and take in some of it; whether it wrote."""
        written = self.take(seconds)
        self.feed(written)
        return bool(written)

    def take(self, seconds: float) -> bytes:
        """Wait so long for the program to write, and return some of it, not yet on the screen; nothing at its end."""
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def feed(self, written: bytes) -> None:
        """Put on the screen what was taken."""
        self.written += written
        self._stream.feed(written)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, seen: str | Callable[[str], bool], seconds: float = 120) -> str:
        """Read until the screen holds a text or something holds for it, and return the screen.

        Raises:
            AssertionError: it did not within these seconds, or the program ended.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read(0.2)
            text = self.text
            if seen in text if isinstance(seen, str) else seen(text):
                return text
            if self.process.poll() is not None:
                raise AssertionError(f"the program ended with {self.process.returncode}:\n{text}")
        raise AssertionError(f"waited {seconds} s for {seen!r}; the screen was:\n{self.text}")

    def wait_for_end(self, seconds: float = 60) -> int:
        """Read until the program ends, and return its exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.2)
        return self.process.wait(1)

    def close(self) -> None:
        """End the program, whatever it is doing."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        os.close(self.master)
