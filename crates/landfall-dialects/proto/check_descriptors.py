#!/usr/bin/env python3
"""Holds the definitions in this folder against those that public packages carry: every message, field, enum value and
method here must have the same name, number, type and label there. Packages may know more.

    pip install grpcio-tools "tritonclient[grpc]" tensorflow-serving-api grpcio-health-checking grpcio-reflection
    python check_descriptors.py

Prints what differs and how much was compared; exits 1 when anything differs. A package that is not installed is named
and left out, unless --complete is given.
"""
import argparse, importlib, pathlib, subprocess, sys, tempfile

from google.protobuf import descriptor_pb2

HERE = pathlib.Path(__file__).parent

# Modules whose descriptors know the messages of a package; the first found counts.
PACKAGES = {
    "inference": ["tritonclient.grpc.service_pb2", "tritonclient.grpc.model_config_pb2"],
    "tensorflow.serving": [
        "tensorflow_serving.apis.prediction_service_pb2",
        "tensorflow_serving.apis.model_service_pb2",
        "tensorflow_serving.apis.get_model_status_pb2",
    ],
    "tensorflow": [
        "tensorflow.tsl.profiler.protobuf.profiler_options_pb2",
        "tensorflow_serving.apis.predict_pb2",
        "tensorflow_serving.apis.get_model_metadata_pb2",
        "tensorflow_serving.apis.input_pb2",
    ],
    "tensorflow.error": ["tensorflow_serving.apis.get_model_status_pb2"],
    "grpc.health.v1": ["grpc_health.v1.health_pb2"],
    "grpc.reflection.v1alpha": ["grpc_reflection.v1alpha.reflection_pb2"],
    # The package on PyPI has v1alpha alone; v1 is the same under another name.
    "grpc.reflection.v1": ["grpc_reflection.v1alpha.reflection_pb2"],
    "google.protobuf": ["google.protobuf.any_pb2", "google.protobuf.wrappers_pb2"],
}

# Configuration files alone are made of these; no package carries them.
UNPUBLISHED = {
    "tensorflow_serving/config/monitoring_config.proto",
    "tensorflow_serving/config/ssl_config.proto",
    "tensorflow_serving/servables/tensorflow/session_bundle_config.proto",
    "tsl/profiler/protobuf/profiler_service.proto",
}


def ours():
    """The definitions of this folder, compiled."""
    files = sorted(str(p.relative_to(HERE)) for p in HERE.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "all.pb")
        # A process of its own: TensorFlow's and protoc's libraries do not share one.
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}", f"--descriptor_set_out={out}", *files]
        subprocess.run(command, check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def add_message(known, message, prefix):
    name = f"{prefix}.{message.name}"
    known[name] = "message"
    for field in message.field:
        kind = field.type_name or descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
        oneof = ""
        if field.HasField("oneof_index") and not field.proto3_optional:
            oneof = message.oneof_decl[field.oneof_index].name
        label = "repeated" if field.label == 3 else "single"
        known[f"{name}.{field.name}"] = f"{field.number} {kind} {label} {oneof}"
    for nested in message.nested_type:
        add_message(known, nested, name)
    for enum in message.enum_type:
        add_enum(known, enum, name)


def add_enum(known, enum, prefix):
    for value in enum.value:
        known[f"{prefix}.{enum.name}.{value.name}"] = f"value {value.number}"


def facts(file):
    """What a file says: full name to kind, number, type and label."""
    known = {}
    for message in file.message_type:
        add_message(known, message, file.package)
    for enum in file.enum_type:
        add_enum(known, enum, file.package)
    for service in file.service:
        for method in service.method:
            streams = f"{method.client_streaming} {method.server_streaming}"
            known[f"{file.package}.{service.name}/{method.name}"] = f"{method.input_type} {method.output_type} {streams}"
    return known


def theirs(modules):
    """The same of modules and of all files that they import."""
    known, seen = {}, set()

    def visit(descriptor):
        if descriptor.name in seen:
            return
        seen.add(descriptor.name)
        file = descriptor_pb2.FileDescriptorProto()
        descriptor.CopyToProto(file)
        known.update(facts(file))
        for dependency in descriptor.dependencies:
            visit(dependency)

    for module in modules:
        visit(importlib.import_module(module).DESCRIPTOR)
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--complete", action="store_true", help="fail when a package is not installed")
    complete = parser.parse_args().complete
    packages, differences, compared = {}, [], 0
    for package, modules in PACKAGES.items():
        try:
            packages[package] = theirs(modules)
        except ImportError as error:
            print(f"left out: {package} ({error})")
            if complete:
                differences.append(f"{package}: {error}")
    for file in ours().file:
        known = packages.get(file.package)
        if known is None or file.name in UNPUBLISHED:
            continue
        for name, said in facts(file).items():
            if file.package == "grpc.reflection.v1":
                name, said = (text.replace("reflection.v1.", "reflection.v1alpha.") for text in (name, said))
            compared += 1
            if known.get(name) != said:
                differences.append(f"{file.name}: {name} is {said!r} here, {known.get(name)!r} there")
    print("\n".join(differences + [f"{compared} compared, {len(differences)} differ"]))
    return 1 if differences or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
