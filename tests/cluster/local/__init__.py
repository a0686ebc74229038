"""A real Kubernetes with Knative Serving on this machine, without Docker. README.md describes what is real.

__main__.py       the commands: up, down, status, check, load, build, base, env, binaries, stop, restart
places.py         folders, nodes, versions
shell.py          running other programs
processes.py      the cluster's long-running processes: start, stop, wait
tools.py          what is built once and cached: Go programs, Envoy, Debian packages
images.py         images: of one static binary, of a Dockerfile, the Python base image
control_plane.py  certificates, etcd, API server, controller manager, scheduler, kube-proxy, DNS
node.py           a node: containerd, network bridge, cgroup, kubelet
knative.py        Knative Serving, and `check`: a Knative Service that answers from zero
teardown.py       `down`: ends the processes and removes everything that they left on the machine
api.py            the calls of the Kubernetes API that ingress.py and volumes.py need
ingress.py        a process: Knative's ingress class, with Envoy
volumes.py        a process: the StorageClass `standard`

It uses the standard library only: any Python 3.11 runs it.
"""
