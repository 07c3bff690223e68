"""Who asked what, when, and what came of it: audit events after a policy, to a file and to a webhook.

    policy   audit.k8s.io/v1 Policy: which requests, in what detail, at which stages
    events   the audit.k8s.io/v1 Event of a request at a stage
    auditor  the steps in the chain of requests
    logfile  one line of JSON an event, rotated
    webhook  batches of events to a server that a kubeconfig names

Without a policy none of this is loaded. Source: Kubernetes, "Auditing".
"""
