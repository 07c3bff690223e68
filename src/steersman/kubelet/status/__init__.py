"""The status of a pod as the API shows it: made purely (`pod.py` and below), written on change
(`writer.py`).
"""
