"""A cluster of two raylets: prints its address, obeys "kill-second" and "add-second", ends with its stdin. RAY_TMPDIR is a folder
with a short name."""

import sys

from ray.cluster_utils import Cluster

node = {"num_cpus": 1, "object_store_memory": 100_000_000, "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={**node, "resources": {"head": 1}})


def add_second():
    second = cluster.add_node(num_cpus=1, object_store_memory=100_000_000, resources={"second": 1})
    cluster.wait_for_nodes()
    return second


second = add_second()
print(cluster.address, flush=True)
for line in sys.stdin:
    order = line.strip()
    if order == "kill-second" and second is not None:
        cluster.remove_node(second, allow_graceful=False)
        second = None
    if order == "add-second" and second is None:
        second = add_second()
    print("done", flush=True)
cluster.shutdown()
