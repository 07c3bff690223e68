"""Certificate signing requests: approved for nodes, signed by the cluster's CA, and removed in the end.

    CSR ──approver──> Approved ──signer──> status.certificate ──cleaner──> gone

`requests.py` reads what is asked for, `signers.py` says what each signer accepts (both pure), the rest are
the three controllers.
"""
