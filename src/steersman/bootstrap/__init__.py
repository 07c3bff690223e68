"""Cluster life: keys and kubeconfigs, local clusters made of namespaces, images made without a registry."""
