"""Prints model.json: what App Runner's requests may hold, from the service model that botocore ships.

    python3 -m venv venv && venv/bin/pip install botocore
    venv/bin/python sandbox/src/aws/apprunner/model.py > sandbox/src/aws/apprunner/model.json
"""

import json

import botocore.loaders

model = botocore.loaders.Loader().load_service_model("apprunner", "service-2")
shapes = {}


def keep(name):
    if name in shapes:
        return
    shape = model["shapes"][name]
    kept = shapes[name] = {"type": shape["type"]}
    for key in ("required", "enum", "min", "max"):
        if key in shape:
            kept[key] = shape[key]
    pattern = shape.get("pattern")
    if pattern == "^(?!aws:).+":  # the only look-ahead; said so that a plain matcher understands it
        kept["not_prefix"] = "aws:"
    elif pattern not in (None, ".*"):
        kept["pattern"] = pattern
    if "members" in shape:
        kept["members"] = {member: ref["shape"] for member, ref in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            kept[part] = shape[part]["shape"]
    for child in [*kept.get("members", {}).values(), *(kept[p] for p in ("member", "key", "value") if p in kept)]:
        keep(child)


operations = {}
for name, operation in sorted(model["operations"].items()):
    keep(operation["input"]["shape"])
    errors = [error["shape"] for error in operation.get("errors", [])]
    operations[name] = {"input": operation["input"]["shape"], "errors": errors}

print("{")
for index, (title, table) in enumerate((("operations", operations), ("shapes", shapes))):
    rows = [f"    {json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table)]
    print(f'  "{title}": {{\n' + ",\n".join(rows) + "\n  }" + ("," if index == 0 else ""))
print("}")
