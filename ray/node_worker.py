"""A Node.js worker that lives as long as the Ray worker which owns it (src/tasks/worker.ts: orders on stdin, answers on a pipe)."""

import ctypes
import json
import os
import queue
import signal
import subprocess
import threading
import time

POLL_SECONDS = 0.1
PR_SET_PDEATHSIG = 1


class NodeWorker:
    """Runs one task after the other; a Node.js process that has died is replaced for the next."""

    def __init__(self, settings, place):
        self.settings = settings
        self.place = place
        self.process = None
        self.answers = None
        self.name = None
        self.interrupted_at = None
        self.lock = threading.Lock()

    def run(self, name, task, cancelled=lambda: False):
        """Yields what the worker answers, one dict each; the last is not a report. A worker that dies, is late, or does not end when
        it is interrupted is told as {"type": "lost", "how": ...}, a task that was interrupted as {"type": "cancelled"}."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self._start()
            self.name = name
            self.interrupted_at = None
            answers = self.answers
            self._order({"type": "run", "task": task})
        began = time.monotonic()
        late = None
        while True:
            if self.interrupted_at is None and cancelled():
                self.interrupt(name)
            try:
                answer = answers.get(timeout=POLL_SECONDS)
            except queue.Empty:
                now = time.monotonic()
                limit = self.settings.get("timeout_seconds")
                if late is None and limit is not None and now - began > limit:
                    late = f"ended, since it took longer than {limit:g} s"
                    self.kill()
                if self.interrupted_at is not None and now - self.interrupted_at > self.settings["grace_seconds"]:
                    self.kill()
                continue
            interrupted = self.interrupted_at is not None
            if answer is None:
                how = late or _ending(self.process.wait())
                yield {"type": "cancelled"} if interrupted else {"type": "lost", "how": how, "kind": "timeout" if late else "signal"}
                return
            if answer["type"] != "report":
                yield {"type": "cancelled"} if interrupted else answer
                return
            if not interrupted:
                yield answer

    def interrupt(self, name):
        """Nothing where the task of the name has ended meanwhile."""
        with self.lock:
            if self.process is not None and self.name == name and self.interrupted_at is None:
                self.interrupted_at = time.monotonic()
                self._order({"type": "interrupt"})

    def stop(self):
        """Lets it close what it keeps open."""
        with self.lock:
            if self.process is None:
                return
            self._order({"type": "stop"})
        try:
            self.process.wait(timeout=self.settings["grace_seconds"])
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()

    def _order(self, order):
        try:
            self.process.stdin.write((json.dumps(order, separators=(",", ":")) + "\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            pass  # told by the end of its answers

    def _start(self):
        self.answers = queue.Queue()
        started = threading.Event()
        # The kernel ends the process with the thread that started it: this one stays until the process is gone.
        thread = threading.Thread(target=self._serve, args=(self.answers, started), daemon=True)
        thread.start()
        started.wait()
        if self.process is None:
            raise RuntimeError(self.answers.get())

    def _serve(self, answers, started):
        read, write = os.pipe()
        libc = ctypes.CDLL(None)
        node, entry = self.settings["node"], self.settings["entry"]
        environment = {**os.environ, **self.settings["environment"], "DAEDALUS_WORKPLACE": self.place}
        output = _output(self.settings["output"])
        try:
            self.process = subprocess.Popen(
                [node, entry, str(write)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(write,),
                cwd=self.settings["cwd"],
                env=environment,
                start_new_session=True,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )
        except Exception as error:
            self.process = None
            os.close(read)
            answers.put(f"{node} cannot be started in {self.settings['cwd']}: {error}")
            return
        finally:
            os.close(write)
            output.close()
            started.set()
        with os.fdopen(read, "rb") as lines:
            for line in lines:
                answers.put(json.loads(line))
        answers.put(None)


def _output(path):
    """Where the process prints to; the folder may have gone since."""
    try:
        return open(path, "ab")
    except OSError:
        return open(os.devnull, "ab")


def _ending(code):
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
