//! gRPC calls, well-formed and not.

use crate::grpc_client::{Ended, Grpc, INFER, field, fields, frame, infer, runtime, values};
use crate::house::{House, WAITS};
use crate::http_client::{ask, get, tfs};
use flate2::Compression;
use flate2::write::GzEncoder;
use landfall_net::NetSettings;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn with_client<F>(house: &House, test: impl FnOnce(Grpc) -> F)
where
    F: Future<Output = ()>,
{
    runtime().block_on(async { test(Grpc::to(house.grpc).await).await });
}

fn tensor_proto(values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let dim = vec![8, u8::try_from(values.len()).unwrap()];
    [vec![8, 1], field(2, &field(2, &dim)), field(4, &raw)].concat()
}

fn predict(model: &str, values: &[f32]) -> Vec<u8> {
    let input = [field(1, b"x"), field(2, &tensor_proto(values))].concat();
    [field(1, &field(1, model.as_bytes())), field(2, &input)].concat()
}

#[test]
fn both_dialects_answer_on_one_connection() {
    let house = House::open();
    with_client(&house, async |mut client| {
        let ended = client.unary(INFER, &infer("half", "", &[1.0, 3.0])).await;
        assert_eq!(values(ended.only()), [2.5, 3.5]);
        assert_eq!(ended.head["content-type"], "application/grpc");
        let ended =
            client.unary("/tensorflow.serving.PredictionService/Predict", &predict("half", &[1.0])).await;
        let output = fields(ended.only(), 1).remove(0);
        let tensor = fields(&output, 2).remove(0);
        assert!(tensor.windows(4).any(|window| window == 2.5f32.to_le_bytes()), "{tensor:?}");
    });
}

#[test]
fn what_is_asked_about_server_and_models_is_told() {
    let house = House::open();
    with_client(&house, async |mut client| {
        let name = field(1, b"half");
        let spec = field(1, &name);
        for (path, message, text) in [
            ("/inference.GRPCInferenceService/ServerLive", vec![], &[8u8, 1][..]),
            ("/inference.GRPCInferenceService/ServerReady", vec![], &[8, 1]),
            ("/inference.GRPCInferenceService/ServerMetadata", vec![], b"landfall"),
            ("/inference.GRPCInferenceService/ModelReady", name.clone(), &[8, 1]),
            ("/inference.GRPCInferenceService/ModelMetadata", name.clone(), b"FP32"),
            ("/inference.GRPCInferenceService/ModelConfig", name.clone(), b"half"),
            ("/inference.GRPCInferenceService/ModelStatistics", name.clone(), b"half"),
            ("/inference.GRPCInferenceService/RepositoryIndex", vec![], b"READY"),
            ("/tensorflow.serving.ModelService/GetModelStatus", spec.clone(), &[8, 2]),
            (
                "/tensorflow.serving.PredictionService/GetModelMetadata",
                [spec, field(2, b"signature_def")].concat(),
                b"serving_default",
            ),
            ("/grpc.health.v1.Health/Check", vec![], &[8, 1]),
        ] {
            let ended = client.unary(path, &message).await;
            let answer = ended.only();
            assert!(answer.windows(text.len()).any(|window| window == text), "{path}: {answer:?}");
        }
        let ready = client.unary("/inference.GRPCInferenceService/ModelReady", &field(1, b"nope")).await;
        assert_eq!(ready.only(), b"", "not ready, and no error");
        for (version, status, answer) in
            [("1", 0, &[8u8, 1][..]), ("1.0", 0, &[8, 1]), ("99", 0, b""), ("abc", 3, b"")]
        {
            let message = [field(1, b"half"), field(2, version.as_bytes())].concat();
            let ended = client.unary("/inference.GRPCInferenceService/ModelReady", &message).await;
            assert_eq!((ended.status(), ended.messages.concat()), (status, answer.to_vec()), "{version}");
        }
    });
}

#[test]
fn errors_are_worded_and_numbered_by_their_dialect() {
    let house = House::open();
    with_client(&house, async |mut client| {
        for (path, message, status, text) in [
            (INFER, infer("nope", "", &[1.0]), 5, "Request for unknown model: 'nope' is not found"),
            (INFER, b"\xff\xff\xff".to_vec(), 3, ""),
            ("/tensorflow.serving.PredictionService/Predict", vec![], 3, "Missing ModelSpec"),
            (
                "/tensorflow.serving.PredictionService/Predict",
                predict("nope", &[1.0]),
                5,
                "Servable not found for request: Latest(nope)",
            ),
            (
                "/tensorflow.serving.ModelService/GetModelStatus",
                field(1, &field(1, b"nope")),
                5,
                "Could not find any versions of model nope",
            ),
            ("/tensorflow.serving.PredictionService/SessionRun", vec![], 12, "SessionRun"),
            ("/tensorflow.serving.ModelService/HandleReloadConfigRequest", vec![], 12, ""),
            ("/inference.GRPCInferenceService/SystemSharedMemoryStatus", vec![], 12, ""),
            ("/inference.GRPCInferenceService/Nope", vec![], 12, "Nope"),
            ("/grpc.health.v1.Health/Watch", vec![], 12, "Watch"),
            ("/nope.Nope/ServerLive", vec![], 12, "nope.Nope"),
            ("/", vec![], 12, ""),
        ] {
            let ended = client.unary(path, &message).await;
            assert_eq!(ended.status(), status, "{path}: {ended:?}");
            assert!(ended.message().contains(text), "{path}: {ended:?}");
            assert!(ended.messages.is_empty());
        }
    });
}

#[test]
fn frames_that_make_no_sense_end_their_call_alone() {
    let house = House::with(|settings| settings.max_body = 1000);
    let message = infer("half", "", &[1.0]);
    let two = [frame(&message), frame(&message)].concat();
    let mut cut = frame(&message);
    cut.pop();
    let mut packed = frame(&message);
    packed[0] = 1;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&[0; 2000]).unwrap();
    let mut bomb = frame(&gzip.finish().unwrap());
    bomb[0] = 1;
    with_client(&house, async |mut client| {
        for (what, headers, body, status) in [
            ("nothing", &[][..], vec![], 12),
            ("two messages", &[], two, 12),
            ("cut off", &[], cut, 13),
            ("packed, nobody says how", &[], packed.clone(), 13),
            ("packed, but not with gzip", &[("grpc-encoding", "gzip")], packed, 3),
            ("unknown packing", &[("grpc-encoding", "zstd")], frame(&message), 12),
            ("bad flag", &[], vec![7, 0, 0, 0, 0], 13),
            ("too large", &[], frame(&[0; 1001]), 8),
            ("said to be too large", &[], vec![0, 255, 255, 255, 255], 8),
            ("unpacks to too much", &[("grpc-encoding", "gzip")], bomb, 8),
            ("bad timeout", &[("grpc-timeout", "soon")], frame(&message), 3),
        ] {
            let ended = client.call(INFER, headers, body).await;
            assert_eq!(ended.status(), status, "{what}: {ended:?}");
            assert!(status != 8 || format!("{ended:?}").contains("larger than 1000 bytes"), "{ended:?}");
            assert_eq!(values(client.unary(INFER, &message).await.only()), [2.5], "after {what}");
        }
        let ended = client.call(INFER, &[("grpc-encoding", "zstd")], frame(&message)).await;
        assert_eq!(ended.trailers["grpc-accept-encoding"], "identity,gzip,deflate");
    });
}

#[test]
fn packed_messages_are_unpacked() {
    let house = House::open();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&infer("half", "", &[1.0; 100])).unwrap();
    let mut body = frame(&gzip.finish().unwrap());
    body[0] = 1;
    with_client(&house, async |mut client| {
        let ended = client.call(INFER, &[("grpc-encoding", "gzip")], body).await;
        assert_eq!(values(ended.only()), [2.5; 100]);
        let ended =
            client.call(INFER, &[("grpc-encoding", "identity")], frame(&infer("half", "", &[1.0]))).await;
        assert_eq!(values(ended.only()), [2.5]);
    });
}

#[test]
fn a_deadline_ends_the_call_and_not_the_server() {
    let house = House::open();
    with_client(&house, async |mut client| {
        let late = client.call(INFER, &[("grpc-timeout", "50m")], frame(&infer("slow", "", &[WAITS]))).await;
        assert_eq!(late.status(), 4, "{late:?}");
        assert_eq!(values(client.unary(INFER, &infer("half", "", &[1.0])).await.only()), [2.5]);
    });
    house.gate.open();
}

#[test]
fn a_large_tensor_passes_both_ways() {
    let house = House::open();
    let large: Vec<f32> = (0..4 << 20).map(|i| (i + 20) as f32).collect();
    with_client(&house, async |mut client| {
        let halves = values(client.unary(INFER, &infer("half", "", &large)).await.only());
        assert_eq!(halves.len(), large.len());
        assert!(halves.iter().zip(&large).all(|(half, value)| *half == value / 2.0 + 2.0));
    });
}

#[test]
fn calls_at_once_on_one_connection_each_get_their_own_answer() {
    let house = House::open();
    with_client(&house, async |client| {
        let mut calls = tokio::task::JoinSet::new();
        for i in 0..500u32 {
            let mut client = client.clone();
            calls.spawn(async move {
                let value = (i + 20) as f32;
                let ended: Ended = client.unary(INFER, &infer("half", &i.to_string(), &[value])).await;
                assert_eq!(values(ended.only()), [value / 2.0 + 2.0]);
                assert_eq!(fields(ended.only(), 3), [i.to_string().into_bytes()]);
            });
        }
        let mut answered = 0;
        while let Some(call) = calls.join_next().await {
            call.unwrap();
            answered += 1;
        }
        assert_eq!(answered, 500);
    });
}

#[test]
fn one_port_may_speak_both() {
    let house = House::with(|settings: &mut NetSettings| settings.grpc = settings.http.clone());
    assert_eq!(house.http, house.grpc);
    assert_eq!(ask(house.http, "POST", "/v1/models/half:predict", "", tfs(&[1.0])).status, 200);
    with_client(&house, async |mut client| {
        assert_eq!(values(client.unary(INFER, &infer("half", "", &[1.0])).await.only()), [2.5]);
    });
}

#[test]
fn each_port_speaks_its_own() {
    let house = House::open();
    assert_eq!(get(house.http, "/livez").status, 200);
    let mut client = crate::http_client::Http::to(house.grpc);
    client.send("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(client.rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("REST answers on"), "{answer}");
    runtime().block_on(async {
        // HTTP/2 is spoken on the HTTP port too.
        let ended = Grpc::to(house.http).await.unary(INFER, &infer("half", "", &[1.0])).await;
        assert_eq!(ended.status(), 12);
        assert!(ended.message().contains("call the port of --grpc"), "{ended:?}");
    });
}

/// An HTTP/2 frame.
fn h2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A request's head, each field as a literal that no table takes up.
fn h2_head(path: &str) -> Vec<u8> {
    let fields =
        [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
    let text = |text: &str| [vec![u8::try_from(text.len()).unwrap()], text.as_bytes().to_vec()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

#[test]
fn calls_that_were_given_up_at_once_do_not_cost_the_connection_its_other_calls() {
    let (headers, reset, settings, go_away) = (1, 3, 4, 7);
    let house = House::open();
    let mut stream = TcpStream::connect(house.grpc).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), h2(settings, 0, 0, b"")].concat();
    // In one write, so that they are given up before they can be taken up.
    for number in 0..200 {
        sent.extend(h2(headers, 4, 2 * number + 1, &h2_head(INFER)));
        sent.extend(h2(reset, 0, 2 * number + 1, &8u32.to_be_bytes()));
    }
    sent.extend(h2(headers, 4, 401, &h2_head(INFER)));
    sent.extend(h2(0, 1, 401, &frame(&infer("half", "", &[1.0, 3.0]))));
    stream.write_all(&sent).unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("the connection stays");
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).unwrap();
        assert_ne!(head[3], go_away, "{}", String::from_utf8_lossy(&payload));
        if head[3] == headers && head[5..] == 401u32.to_be_bytes() {
            return;
        }
    }
}
