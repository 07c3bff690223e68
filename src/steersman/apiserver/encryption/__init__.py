"""Encryption at rest: what is stored of some resources is ciphertext, and only here is it known.

    config     apiserver.config.k8s.io/v1 EncryptionConfiguration: which resources, by which providers
    providers  identity, aescbc, aesgcm, secretbox: keys from the file
    kms        kms v2: keys that an external plug-in guards
    store      a `Store` around another one that encrypts what goes in and decrypts what comes out

The first provider of a resource writes, all of them read, each recognised by what its values begin with; the
layout of values is upstream's. Rotation: put the new key first, restart the servers, then write every object
again (`kubectl get secrets -A -o json | kubectl replace -f -`): what was written by another key is stored
anew even when nothing else changes. Source: Kubernetes, "Encrypting Confidential Data at Rest".
"""
