"""The Common Expression Language as Kubernetes has it: rules of custom resources, admission policies.

Parsing, type checking and evaluation are those of `cel-expr-python` (the C++ implementation); here is what
Kubernetes adds: functions, types from schemas, limits of cost.

    functions   the extension functions, one table
    types       schemas as types for the checker
    values      JSON values as the schema types them
    environment compile (check) and evaluate
    cost        estimates from the checked expression
    rules       `x-kubernetes-validations` evaluated over objects
    definition  the rules of a CustomResourceDefinition, checked when it is written

Nothing here is imported before the first expression is met: it costs some megabytes.
"""
