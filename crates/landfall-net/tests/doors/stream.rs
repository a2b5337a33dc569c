//! Bidirectional streams: `ModelStreamInfer` and reflection.

use crate::grpc_client::{Grpc, STREAM, fields, frame, infer, messages, runtime, values};
use crate::house::{FAILS, House, LONG, WAITS};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

fn stream(model: &str, values: &[f32]) -> Vec<u8> {
    let questions = values.iter().enumerate();
    questions.flat_map(|(i, value)| frame(&infer(model, &format!("q{i}"), &[*value]))).collect()
}

#[test]
fn answers_come_in_the_order_of_their_questions_and_an_error_is_one_of_them() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let mut body = stream("half", &[20.0, FAILS, 30.0]);
        body.extend(frame(&infer("nope", "q3", &[1.0])));
        body.extend(frame(&infer("half", "q4", &[40.0])));
        let ended = client.call(STREAM, &[], body).await;
        assert_eq!((ended.status(), ended.messages.len()), (0, 5), "{ended:?}");
        for (i, expected) in
            [Ok(12.0), Err("minus one"), Ok(17.0), Err("'nope' is not found"), Ok(22.0)].iter().enumerate()
        {
            let message = &ended.messages[i];
            let response = fields(message, 2).remove(0);
            assert_eq!(fields(&response, 3), [format!("q{i}").into_bytes()]);
            match expected {
                Ok(value) => assert_eq!(values(&response), [*value]),
                Err(text) => {
                    let error = String::from_utf8(fields(message, 1).remove(0)).unwrap();
                    assert!(error.contains(text), "{error}");
                }
            }
        }
        assert_eq!(client.call(STREAM, &[], vec![]).await.messages.len(), 0);
    });
}

#[test]
fn a_caller_may_want_the_first_error_to_end_the_stream() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let body =
            [stream("half", &[20.0]), frame(&infer("nope", "", &[1.0])), stream("half", &[30.0])].concat();
        let ended = client.call(STREAM, &[("triton_grpc_error", "true")], body).await;
        assert_eq!((ended.status(), ended.messages.len()), (5, 1), "{ended:?}");
    });
}

#[test]
fn a_large_message_of_a_stream_does_not_hold_up_the_other_connections_of_its_thread() {
    let house = House::with(|settings| settings.threads = Some(1));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut std::io::repeat(0).take(128 << 20), &mut packed).unwrap();
    let mut body = frame(&packed.finish().unwrap());
    body[0] = 1;
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let asked =
            tokio::spawn(async move { client.call(STREAM, &[("grpc-encoding", "gzip")], body).await });
        let mut answers = 0;
        while !asked.is_finished() {
            let http = house.http;
            let answer = tokio::task::spawn_blocking(move || crate::http_client::get(http, "/livez")).await;
            assert_eq!(answer.unwrap().status, 200);
            answers += 1;
        }
        let ended = asked.await.unwrap();
        assert_eq!((ended.status(), ended.messages.len()), (0, 1), "{ended:?}");
        // Some come before the thread has the message and the last one after it, even where the rest has to wait.
        assert!(answers > 10, "{answers} answers came beside 128 MB");
    });
}

#[test]
fn a_frame_that_makes_no_sense_ends_the_stream_after_what_came_before() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let ended = client.call(STREAM, &[], [stream("half", &[20.0]), vec![9, 0, 0, 0, 0]].concat()).await;
        assert_eq!((ended.status(), ended.messages.len()), (13, 1), "{ended:?}");
        let ended = client.call(STREAM, &[], [stream("half", &[20.0]), vec![0, 0]].concat()).await;
        assert_eq!((ended.status(), ended.messages.len()), (13, 1), "{ended:?}");
    });
}

#[test]
fn two_hundred_questions_on_one_stream_are_answered_in_order() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        let asked: Vec<f32> = (0..200).map(|i| (i + 20) as f32).collect();
        let ended = client.call(STREAM, &[], stream("half", &asked)).await;
        let answers: Vec<f32> =
            ended.messages.iter().map(|message| values(&fields(message, 2)[0])[0]).collect();
        assert_eq!(answers, asked.iter().map(|value| value / 2.0 + 2.0).collect::<Vec<f32>>());
    });
}

#[test]
fn reflection_lists_the_services() {
    let house = House::open();
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            let ended = client.unary(&path, &crate::grpc_client::field(7, b"")).await;
            let text = String::from_utf8_lossy(ended.only()).into_owned();
            assert!(text.contains("inference.GRPCInferenceService"), "{text}");
            assert!(text.contains("tensorflow.serving.PredictionService"), "{text}");
            assert!(!text.contains("tensorflow.ProfilerService"), "there is none here: {text}");
        }
        let ended = client.unary("/grpc.reflection.v1.ServerReflection/Nope", &[]).await;
        assert_eq!(ended.status(), 12);
    });
}

/// A request's body that a test feeds.
struct Fed(mpsc::UnboundedReceiver<Bytes>);

impl hyper::body::Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

async fn opened(house: &House) -> (mpsc::UnboundedSender<Bytes>, Incoming) {
    let socket = tokio::net::TcpStream::connect(house.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let (feed, fed) = mpsc::unbounded_channel();
    let request = Request::post(format!("http://a{STREAM}")).header("content-type", "application/grpc");
    let response = sender.send_request(request.body(Fed(fed)).unwrap()).await.unwrap();
    (feed, response.into_body())
}

#[test]
fn an_answer_comes_before_the_next_question() {
    let house = House::open();
    runtime().block_on(async {
        let (feed, mut answers) = opened(&house).await;
        for value in [20.0, 30.0, 40.0f32] {
            let question: Bytes = stream("half", &[value]).into();
            // However its bytes come.
            for byte in question {
                feed.send(Bytes::copy_from_slice(&[byte])).unwrap();
            }
            let answer = answers.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(values(&fields(&messages(&answer)[0], 2)[0]), [value / 2.0 + 2.0]);
        }
        drop(feed);
        assert_eq!(answers.frame().await.unwrap().unwrap().into_trailers().unwrap()["grpc-status"], "0");
    });
}

#[test]
fn a_stopping_server_answers_what_came_and_ends_its_streams() {
    let mut house = House::open();
    let server = house.server.take().unwrap();
    runtime().block_on(async {
        let (feed, answers) = opened(&house).await;
        feed.send(stream("slow", &[WAITS]).into()).unwrap();
        let house = &house;
        tokio::task::spawn_blocking({
            let gate = house.gate.clone();
            move || gate.wait_for(1)
        })
        .await
        .unwrap();
        let drained = tokio::task::spawn_blocking(move || server.drain(LONG));
        let gate = house.gate.clone();
        gate.open();
        let collected = answers.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "14");
        let answer = messages(&collected.to_bytes());
        assert_eq!(values(&fields(&answer[0], 2)[0]), [WAITS / 2.0 + 2.0]);
        assert_eq!(drained.await.unwrap().cut, 0);
        drop(feed);
    });
}
