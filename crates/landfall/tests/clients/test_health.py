"""Health and reflection, as load balancers and grpcurl use them."""
import grpc
import requests
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from expect import same

SERVICES = {"inference.GRPCInferenceService", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService",
            "grpc.health.v1.Health"}


def every_health_path_answers_that_all_is_well(server):
    for path in ("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready"):
        same((path, requests.get(server.url(path), timeout=20).status_code), (path, 200))


def the_health_service_says_serving(server):
    health = health_pb2_grpc.HealthStub(grpc.insecure_channel(server.grpc))
    same(health.Check(health_pb2.HealthCheckRequest(), timeout=20).status, health_pb2.HealthCheckResponse.SERVING)


def reflection_lists_the_services_and_describes_their_methods(server):
    database = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(server.grpc))
    listed = set(database.get_services())
    assert SERVICES <= listed, listed
    pool = descriptor_pool.DescriptorPool(database)
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    assert {"ModelInfer", "ModelStreamInfer", "ServerLive"} <= {method.name for method in service.methods}
    same(service.methods_by_name["ModelInfer"].input_type.full_name, "inference.ModelInferRequest")
