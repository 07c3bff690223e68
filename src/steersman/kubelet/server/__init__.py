"""The HTTPS server of the kubelet (port 10250): logs, exec, attach, port-forward, pods, statistics."""
