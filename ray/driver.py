"""Between a coordinator in Node.js (src/tasks/ray.ts) and Ray: one JSON document a line, orders on stdin, events on descriptor 3,
since Ray prints on stdout and stderr.

Orders: the settings first; then {"op": "pool", "workers"} and {"op": "submit", "id", "task", "lane"} for tasks that come one by
one, {"op": "close-pool"}; {"op": "enrich", "ids", "tasks", "attempts"} for tasks that are all known; {"op": "cancel", "id"};
{"op": "shutdown"}. The end of stdin shuts down too.
Events: ready or refused {kind}; started {node, pid}, report, done {answer}, failed {kind, how, attempt}, cancelled, each with the
task's id; bye.
"""

import json
import logging
import os
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import node_worker
import pyarrow as pa
import ray
import ray.data
from ray import cloudpickle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

EVENTS = 3
# Workers need no file of ours: the module travels with the tasks.
cloudpickle.register_pickle_by_value(node_worker)

emitting = threading.Lock()


def emit(event, **more):
    line = (json.dumps({"event": event, **more}, separators=(",", ":")) + "\n").encode()
    with emitting:
        try:
            while line:
                line = line[os.write(EVENTS, line) :]
        except BrokenPipeError:
            pass  # the coordinator is gone: the end of stdin tells so too


def workplace():
    return f"ray node {ray.get_runtime_context().get_node_id()[:12]}"


@ray.remote(num_cpus=0)
class Switch:
    """Whether the parts of a dataset are not wanted any more; asked by those who work on them."""

    def __init__(self):
        self.off = False

    def turn_off(self):
        self.off = True

    def is_off(self):
        return self.off


@ray.remote(max_restarts=0, max_concurrency=3)
class TaskWorker:
    """Owns a Node.js worker for tasks that come one by one."""

    def __init__(self, settings):
        self.worker = node_worker.NodeWorker(settings, workplace())

    def place(self):
        return {"node": ray.get_runtime_context().get_node_id(), "pid": os.getpid()}

    def run(self, name, task):
        for answer in self.worker.run(name, task):
            yield json.dumps(answer)

    def interrupt(self, name):
        self.worker.interrupt(name)

    def stop(self):
        self.worker.stop()


class PartWorker:
    """Owns a Node.js worker for the parts of a dataset that come to it."""

    def __init__(self, settings, switch):
        self.worker = node_worker.NodeWorker(settings, workplace())
        self.switch = switch

    def cancelled(self):
        try:
            return ray.get(self.switch.is_off.remote(), timeout=10)
        except RayError:
            return True  # nobody waits for the parts any more

    def __call__(self, batch):
        rows = zip(batch["id"].to_pylist(), batch["task"].to_pylist(), batch["attempts"].to_pylist())
        answers = [self.part(*row) for row in rows]
        return pa.table({"id": batch["id"], "answer": pa.array(answers, pa.string())})

    def part(self, name, task, attempts):
        for attempt in range(1, attempts + 1):
            if self.cancelled():
                return json.dumps({"type": "cancelled"})
            *_, answer = self.worker.run(name, task, self.cancelled)
            if answer["type"] != "lost":
                break
        return json.dumps({**answer, "attempt": attempt})


class Pool:
    """At most so many workers, each with one task at a time; fewer where the cluster has no room for more."""

    def __init__(self, settings, workers):
        self.settings = settings
        self.most = workers
        self.alive = 0
        self.idle = []
        self.change = threading.Condition()
        self.working = {}
        self.cancelled = set()
        self.threads = ThreadPoolExecutor(max_workers=workers)

    def submit(self, order):
        self.threads.submit(self._run, order["id"], order["task"], order["lane"])

    def cancel(self, task):
        with self.change:
            self.cancelled.add(task)
            worker = self.working.get(task)
        if worker is not None:
            worker.interrupt.remote(task)

    def close(self):
        with self.change:
            working = list(self.working)
        for task in working:
            self.cancel(task)
        self.threads.shutdown(wait=True)
        workers = [worker for _, worker in self.idle]
        if workers:
            ray.wait([worker.stop.remote() for worker in workers], num_returns=len(workers))
        for worker in workers:
            ray.kill(worker)

    def _run(self, task, text, lane):
        worker = None
        answer = {"type": "cancelled"}
        try:
            worker = self._take(task, lane)
            with self.change:
                wanted = task not in self.cancelled
                if wanted:
                    self.working[task] = worker
            if wanted:
                emit("started", id=task, **ray.get(worker.place.remote()))
                for reference in worker.run.options(num_returns="streaming").remote(task, text):
                    answer = json.loads(ray.get(reference))
                    if answer["type"] == "report":
                        emit("report", id=task, report=answer["report"])
        except Exception as error:  # whatever it was, the coordinator waits for an end
            answer = {"type": "cancelled"} if task in self.cancelled else {"type": "lost", **told(error)}
            if worker is not None:
                ray.kill(worker)
                worker = None
                with self.change:
                    self.alive -= 1
        with self.change:
            self.working.pop(task, None)
            if worker is not None:
                self.idle.append((lane, worker))
            self.change.notify_all()
        # Not before: the lane's next task may come at once, and is to find its worker.
        tell(task, answer)

    def _take(self, task, lane):
        """The worker that did the lane's last task; or a new one, as far as there is room; or any."""
        deadline = time.monotonic() + self.settings["start_seconds"]
        while True:
            with self.change:
                while True:
                    same = [one for one in self.idle if one[0] == lane]
                    room = self.alive < min(self.most, capacity(self.settings["worker"]))
                    if same or (self.idle and not room):
                        taken = (same or self.idle)[0]
                        self.idle.remove(taken)
                        return taken[1]
                    if room:
                        self.alive += 1
                        break
                    if self.alive == 0 and time.monotonic() > deadline:
                        raise NoRoom("no Ray node has room for a worker any more")
                    if task in self.cancelled:
                        raise NoRoom("cancelled")
                    self.change.wait(timeout=1)
            options = {**self.settings["worker"], "scheduling_strategy": "SPREAD"}
            worker = TaskWorker.options(**options).remote(self.settings)
            try:
                ray.get(worker.place.remote(), timeout=self.settings["start_seconds"])
                return worker
            except BaseException as error:
                ray.kill(worker)
                with self.change:
                    self.alive -= 1
                    # What the cluster has is taken by others: those that are there go on.
                    self.most = max(1, min(self.most, self.alive))
                    if self.alive == 0:
                        raise NoRoom(f"no Ray node had room for a worker within {self.settings['start_seconds']:g} s") from error


class NoRoom(Exception):
    pass


def told(error):
    if isinstance(error, NoRoom):
        return {"kind": "no-room", "how": str(error)}
    if isinstance(error, RayError):
        return {"kind": "ray-worker-died", "how": f"the Ray worker is gone: {_first_line(error)}"}
    return {"kind": type(error).__name__, "how": _first_line(error)}


def tell(task, answer):
    attempt = answer.pop("attempt", 1)
    if answer["type"] == "cancelled":
        emit("cancelled", id=task)
    elif answer["type"] == "lost":
        emit("failed", id=task, kind=answer["kind"], how=answer["how"], attempt=attempt)
    else:
        emit("done", id=task, answer=answer)


class Dataset:
    """Parts that are all known: one row each, over as many workers as there are hosts with room for one."""

    def __init__(self, settings, order):
        self.settings = settings
        self.left = dict(zip(order["ids"], order["tasks"]))
        self.attempts = order["attempts"]
        self.cancelled = False
        self.switch = Switch.options(scheduling_strategy=here()).remote()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def cancel(self):
        if not self.cancelled:
            self.cancelled = True
            self.switch.turn_off.remote()

    def _run(self):
        """A worker that dies ends the dataset; what is left is the next one's."""
        failure = None
        for attempt in range(1, self.attempts + 1):
            if not self.left or self.cancelled:
                break
            try:
                self._work()
                failure = {"kind": "no-answer", "how": "the dataset ended without an answer for it"}
            except Exception as error:
                failure = told(error)
        for part in self.left:
            if self.cancelled:
                emit("cancelled", id=part)
            else:
                emit("failed", id=part, attempt=attempt, **failure)
        ray.kill(self.switch)

    def _work(self):
        rows = [
            pa.table({"id": [part], "task": [task], "attempts": [self.attempts]}) for part, task in self.left.items()
        ]
        workers = max(1, min(len(rows), rooms(self.settings["worker"])))
        done = ray.data.from_arrow(rows).map_batches(
            PartWorker,
            batch_format="pyarrow",
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2),
            fn_constructor_args=(self.settings, self.switch),
            # One that starts again might wait for ever for a node that is gone.
            max_restarts=0,
            **self.settings["worker"],
        )
        for batch in done.iter_batches(batch_format="pyarrow", batch_size=1, prefetch_batches=0):
            for part, text in zip(batch["id"].to_pylist(), batch["answer"].to_pylist()):
                if self.left.pop(part, None) is not None:
                    tell(part, json.loads(text))


def here():
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _first_line(error):
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


def wanted(worker):
    """What a worker asks of a node, by the names that nodes have for it."""
    memory = {"memory": worker["memory"]} if "memory" in worker else {}
    return {"CPU": worker["num_cpus"], **memory, **worker.get("resources", {})}


def alive_nodes():
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def places(worker):
    """How many workers each node could hold; nothing tells that one would wait for ever for what no node has."""
    return [
        min(int(node.get(name, 0) // amount) for name, amount in wanted(worker).items()) for node in alive_nodes()
    ]


def capacity(worker):
    return sum(places(worker))


def rooms(worker):
    """How many nodes have room for one."""
    return sum(1 for place in places(worker) if place > 0)


def refuse_unreachable(address):
    """Ray itself looks for a head that is not there for minutes."""
    if address == "local":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f'"{address}" is not host:port')
    socket.create_connection((host, int(port)), timeout=10).close()


def quiet():
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


def main():
    settings = json.loads(sys.stdin.readline())
    try:
        refuse_unreachable(settings["init"]["address"])
        ray.init(log_to_driver=False, logging_level="ERROR", **settings["init"])
    except Exception as error:
        emit("refused", kind="init", how=_first_line(error))
        return
    quiet()
    alive = alive_nodes()
    if capacity(settings["worker"]) == 0:
        asked = wanted(settings["worker"])
        emit("refused", kind="resources", wanted=asked, nodes=[{name: node.get(name, 0) for name in asked} for node in alive])
        ray.shutdown()
        return
    emit("ready", ray=ray.__version__, nodes=len(alive), cpus=ray.cluster_resources().get("CPU", 0))
    pool, datasets, owners = None, [], {}
    for line in sys.stdin:
        order = json.loads(line)
        op = order["op"]
        if op == "pool":
            pool = Pool(settings, order["workers"])
        elif op == "close-pool":
            pool.close()
            pool = None
        elif op == "submit":
            pool.submit(order)
        elif op == "enrich":
            dataset = Dataset(settings, order)
            datasets.append(dataset)
            for part in order["ids"]:
                owners[part] = dataset
        elif op == "cancel":
            owner = owners.get(order["id"])
            if owner is not None:
                owner.cancel()
            elif pool is not None:
                pool.cancel(order["id"])
        elif op == "shutdown":
            break
    for dataset in datasets:
        if dataset.thread.is_alive():
            dataset.cancel()
    if pool is not None:
        pool.close()
    for dataset in datasets:
        dataset.thread.join()
    ray.shutdown()
    emit("bye")


if __name__ == "__main__":
    main()
