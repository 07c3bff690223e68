"""Priority and fairness: when more is asked than can be answered, who waits and who is refused.

    rules     FlowSchemas: which flow and which priority level a request belongs to
    levels    a priority level: seats, queues, shuffle sharding, fair dispatch
    limits    how many seats each level has, with lending and borrowing (pure)
    defaults  the mandatory and the suggested objects
    fairness  the step in the chain of requests
    upkeep    follows the objects, keeps the mandatory ones, lends idle seats

Source: Kubernetes, "API Priority and Fairness"; KEP-1040.
"""
