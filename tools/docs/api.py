# SPDX-License-Identifier: Apache-2.0
"""The API, from the protos' descriptors with their comments."""
import pathlib
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

from page_text import cell, table

Field = descriptor_pb2.FieldDescriptorProto
FILE_MESSAGE, FILE_ENUM, FILE_SERVICE, MEMBER, NESTED_MESSAGE, NESTED_ENUM = 4, 5, 6, 2, 3, 4
PACKAGE = ".attune.v1."


def descriptors(root, googleapis):
    protos = sorted(path.relative_to(root / "proto") for path in (root / "proto/attune/v1").glob("*.proto"))
    with tempfile.TemporaryDirectory() as work:
        out = pathlib.Path(work) / "set"
        subprocess.run(["protoc", "-I", root / "proto", "-I", googleapis, "--include_source_info",
                        f"--descriptor_set_out={out}", *map(str, protos)], check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file


def comments(file):
    return {tuple(where.path): where.leading_comments for where in file.source_code_info.location}


def type_of(field):
    if field.type_name:
        name = field.type_name
        text = f"[{name.removeprefix(PACKAGE)}](#{name.removeprefix(PACKAGE)})" if name.startswith(PACKAGE) else name[1:]
    else:
        text = Field.Type.Name(field.type).removeprefix("TYPE_").lower()
    return f"repeated {text}" if field.label == Field.LABEL_REPEATED else text


def prose(comment):
    return "\n".join(line.strip() for line in comment.strip().splitlines()).replace("<", "&lt;")


class Page:
    def __init__(self, file):
        self.file, self.comments, self.parts = file, comments(file), []

    def heading(self, level, name, path, kind):
        self.parts.append(f"{'#' * level} {name} {{#{name}}}\n\n*{kind}*\n\n{prose(self.comments.get(path, ''))}\n")

    def service(self, service, path):
        self.parts.append(f"## {service.name} {{#{service.name}}}\n\n{prose(self.comments.get(path, ''))}\n")
        for i, method in enumerate(service.method):
            stream = lambda on, name: ("stream " if on else "") + f"[{name.removeprefix(PACKAGE)}](#{name.removeprefix(PACKAGE)})"
            self.parts.append(
                f"### {service.name}.{method.name} {{#{service.name}.{method.name}}}\n\n"
                f"{stream(method.client_streaming, method.input_type)} → {stream(method.server_streaming, method.output_type)}\n\n"
                f"{prose(self.comments.get((*path, MEMBER, i), ''))}\n")

    def message(self, message, path, outer=""):
        name = outer + message.name
        self.heading(3, name, path, "message")
        fields = [(f"`{field.name}`", type_of(field), cell(self.comments.get((*path, MEMBER, i), "")))
                  for i, field in enumerate(message.field)]
        if fields:
            self.parts.append(table(("field", "type", "what"), fields))
        for i, nested in enumerate(message.nested_type):
            self.message(nested, (*path, NESTED_MESSAGE, i), name + ".")
        for i, nested in enumerate(message.enum_type):
            self.enum(nested, (*path, NESTED_ENUM, i), name + ".")

    def enum(self, enum, path, outer=""):
        self.heading(3, outer + enum.name, path, "enum")
        values = [(f"`{value.name}`", str(value.number), cell(self.comments.get((*path, MEMBER, i), "")))
                  for i, value in enumerate(enum.value)]
        self.parts.append(table(("value", "number", "what"), values))

    def types(self):
        for i, message in enumerate(self.file.message_type):
            self.message(message, (FILE_MESSAGE, i))
        for i, enum in enumerate(self.file.enum_type):
            self.enum(enum, (FILE_ENUM, i))


def page(root, googleapis):
    files = descriptors(root, googleapis)
    parts = ["# API\n\nPackage `attune.v1`, from `proto/attune/v1`. Every field says its unit, range and default. Clients: "
             "[C++](../cpp.md), [Python](../python.md), [Go, Java and others](../go.md). What errors mean: "
             "[errors](errors.md).\n"]
    for file in sorted(files, key=lambda file: (not file.service, "prompt" not in file.name)):
        one = Page(file)
        for i, service in enumerate(file.service):
            one.service(service, (FILE_SERVICE, i))
        if not file.service:
            one.parts.append(f"## {pathlib.PurePath(file.name).name}\n")
        one.types()
        parts += one.parts
    return "\n".join(parts)
