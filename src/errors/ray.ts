import { family } from "./catalogue.js";

/** What keeps work from a Ray cluster; see `catalogue.ts`. */
export const rayProblem = family("ray", {
  "not-installed": (p: { python: string }) => ({
    says: `--executor ray needs a Python with Ray in it, and there is none at ${p.python}`,
    help: 'run "daeda setup ray", which makes one, or name your own in compute.ray.python; without --executor ray everything runs on this machine',
  }),
  "python-unusable": (p: { python: string; cause: string }) => ({
    says: `${p.python} cannot run Ray: ${p.cause}`,
    help: 'install ray[data] into it, or run "daeda setup ray" and leave compute.ray.python away',
  }),
  "cannot-start": (p: { address: string | undefined; cause: string }) => ({
    says: `${p.address === undefined ? "a Ray cluster of this run's own cannot be started" : `the Ray cluster at ${p.address} cannot be joined`}: ${p.cause}`,
    help:
      p.address === undefined
        ? "see what Ray writes above; compute.ray.num_cpus and object_store_memory bound what it takes of this machine"
        : "compute.ray.address names the head (host:port) of a cluster that this machine is a node of, with the same versions of Ray and Python",
  }),
  "no-room": (p: { wanted: string; nodes: readonly string[] }) => ({
    says: `no node of the Ray cluster has room for a worker, which asks for ${p.wanted}`,
    help: `the nodes have ${p.nodes.join("; ") || "nothing"}: lower compute.ray.worker_cpus, worker_memory or worker_resources`,
  }),
  "setup-failed": (p: { step: string; cause: string }) => ({
    says: `Ray was not installed: ${p.step} failed: ${p.cause}`,
    help: "it needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt-get install python3-venv) and a package index that pip reaches; --python names another interpreter",
  }),
});
