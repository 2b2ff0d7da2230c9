"""Checks Kubernetes objects, YAML on stdin, against the schemas of a version; prints them as JSON.

What no Kubernetes knows (monitoring.coreos.com) is left to the caller.
"""

import json
import sys

import kubernetes_validate
import yaml

objects = [part for part in yaml.safe_load_all(sys.stdin) if part]
for part in objects:
    if not part["apiVersion"].startswith("monitoring.coreos.com/"):
        kubernetes_validate.validate(part, sys.argv[1], strict=True)
json.dump(objects, sys.stdout)
