//! Online: each door beside a bare echo of the same bytes and the engine in process, pinned, side by side in one run.

use crate::load::{self, GrpcLoad, HttpLoad, Seen};
use crate::process::{Running, output_of, post, wait_for};
use crate::report::{Table, median};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run needs.
pub(crate) struct Setup {
    /// The `landfall` binary.
    pub(crate) landfall: PathBuf,
    /// This binary, for echo servers and the engine in process.
    pub(crate) bench: PathBuf,
    /// Folder with `ctr.onnx`, `cnn.onnx` and the request bodies.
    pub(crate) data: PathBuf,
    /// Scratch folder.
    pub(crate) scratch: PathBuf,
    pub(crate) seconds: u64,
    pub(crate) rounds: usize,
    /// Only doors whose name contains this.
    pub(crate) only: String,
    /// Folder with the SavedModel `mlp` and `mlp_grpc_tfs.pb`; without it that door stays shut.
    pub(crate) tensorflow: Option<PathBuf>,
}

impl Setup {
    /// The folder that a model's files and request bodies lie in.
    fn folder(&self, model: &str) -> &Path {
        match &self.tensorflow {
            Some(folder) if model == KERAS => folder,
            _ => &self.data,
        }
    }
}

const HTTP: &str = "127.0.0.1:18000";
const GRPC: &str = "127.0.0.1:18001";
const ECHO_HTTP: &str = "127.0.0.1:18002";
const ECHO_GRPC: &str = "127.0.0.1:18003";
const SERVER: &str = "0";
const CLIENT: usize = 1;
/// Bytes of a gRPC frame before its message.
const FRAME_HEAD: usize = 5;

/// One way to ask, and its bare counterpart.
struct Door {
    name: &'static str,
    model: &'static str,
    path: &'static str,
    body: &'static str,
    headers: Vec<(String, String)>,
    grpc: bool,
    /// (connections, streams on each)
    loads: &'static [(usize, usize)],
}

/// The model of the TensorFlow engine.
const KERAS: &str = "mlp";

fn doors(has_keras: bool) -> Vec<Door> {
    let json = || vec![("Content-Type".to_owned(), "application/json".to_owned())];
    let binary = |length: &str| {
        let octets = ("Content-Type".to_owned(), "application/octet-stream".to_owned());
        vec![octets, ("Inference-Header-Content-Length".to_owned(), length.to_owned())]
    };
    let rest = |name, path, body, headers| Door {
        name,
        model: "ctr",
        path,
        body,
        headers,
        grpc: false,
        loads: &[(1, 1), (64, 1)],
    };
    let predict = "/tensorflow.serving.PredictionService/Predict";
    let mut doors = vec![
        rest("ctr, TFS REST", "/v1/models/ctr:predict", "ctr_tfs.json", json()),
        rest("ctr, OIP REST", "/v2/models/ctr/infer", "ctr_oip.json", json()),
        Door {
            grpc: true,
            loads: &[(1, 1), (1, 64), (64, 1)],
            ..rest("ctr, OIP gRPC", "/inference.GRPCInferenceService/ModelInfer", "ctr_grpc_oip.pb", vec![])
        },
        Door {
            grpc: true,
            loads: &[(1, 1), (1, 64)],
            ..rest("ctr, TFS gRPC", predict, "ctr_grpc_tfs.pb", vec![])
        },
        Door {
            model: "cnn",
            loads: &[(1, 1), (4, 1)],
            ..rest("cnn, OIP binary", "/v2/models/cnn/infer", "cnn_binary.bin", binary("174"))
        },
    ];
    if has_keras {
        doors.push(Door {
            grpc: true,
            model: KERAS,
            loads: &[(1, 1), (1, 64), (64, 1)],
            ..rest("Keras MLP on TensorFlow, TFS gRPC", predict, "mlp_grpc_tfs.pb", vec![])
        });
    }
    doors
}

/// Measures all doors and prints a table of medians.
///
/// # Errors
/// When a process cannot be started or a request fails.
pub(crate) fn run(setup: &Setup) -> Result<Table, String> {
    let model = |name: &str| format!("{name}={}", setup.data.join(format!("{name}.onnx")).display());
    let landfall = setup.landfall.display().to_string();
    let (ctr, cnn) = (model("ctr"), model("cnn"));
    let mut command = vec![&*landfall, "serve", &ctr, &cnn, "--http", HTTP, "--grpc", GRPC, "--threads", "1"];
    let keras = setup.tensorflow.as_ref().map(|folder| format!("{KERAS}={}", folder.join(KERAS).display()));
    command.extend(keras.as_deref());
    let server = Running::pinned(SERVER, &command)?;
    wait_for(HTTP)?;
    wait_for(GRPC)?;
    let mut table = Table::new(&[
        "door",
        "connections × streams",
        "echo/s",
        "rows/s in process (1 row; 32 rows)",
        "limit/s",
        "Landfall/s",
        "of the limit",
        "processor time of a request: echo; Landfall",
        "p50",
        "p99",
        "p50 added",
    ]);
    for door in doors(keras.is_some()).iter().filter(|door| door.name.contains(&setup.only)) {
        measure(setup, door, &server, &mut table)?;
    }
    Ok(table)
}

fn measure(setup: &Setup, door: &Door, server: &Running, table: &mut Table) -> Result<(), String> {
    let body = setup.folder(door.model).join(door.body);
    let bytes = std::fs::read(&body).map_err(|e| format!("read {}: {e}", body.display()))?;
    let frame = setup.scratch.join("frame.bin");
    std::fs::write(&frame, framed(&bytes)).map_err(|e| format!("write {}: {e}", frame.display()))?;
    let sample = if door.grpc {
        let url = format!("http://{GRPC}{}", door.path);
        // The echo frames its answer itself.
        vec![7; load::grpc_answer_bytes(&url, &frame)?.saturating_sub(FRAME_HEAD)]
    } else {
        post(HTTP, door.path, &door.headers, &bytes)?
    };
    let answer = setup.scratch.join("answer.bin");
    std::fs::write(&answer, sample).map_err(|e| format!("write {}: {e}", answer.display()))?;
    let (protocol, address) = if door.grpc { ("grpc", ECHO_GRPC) } else { ("http", ECHO_HTTP) };
    let bench = setup.bench.display().to_string();
    let answer = answer.display().to_string();
    let echo = Running::pinned(SERVER, &[&bench, "echo", protocol, address, &answer])?;
    wait_for(address)?;
    for &(connections, streams) in door.loads {
        let mut rounds = Vec::new();
        for _ in 0..setup.rounds {
            let of = |process: &Running, address: &str| -> Result<(Seen, Duration), String> {
                let url = format!("http://{address}{}", door.path);
                let before = process.processor_time();
                let seen = ask(setup, door, &url, &body, &frame, connections, streams)?;
                let taken = process.processor_time().saturating_sub(before);
                Ok((seen, taken.div_f64(seen.requests.max(1.0))))
            };
            let (echo, echo_time) = of(&echo, address)?;
            let (landfall, landfall_time) = of(server, if door.grpc { GRPC } else { HTTP })?;
            let (one, many) = (in_process(setup, door.model, 1)?, in_process(setup, door.model, 32)?);
            rounds.push(Round { echo, echo_time, landfall, landfall_time, one, many });
        }
        table.row(row(door, connections, streams, &rounds));
    }
    Ok(())
}

/// What was seen one after the other.
struct Round {
    echo: Seen,
    /// Processor time of a request.
    echo_time: Duration,
    landfall: Seen,
    landfall_time: Duration,
    /// Rows per second in process, one at a time.
    one: f64,
    /// The same in batches of 32.
    many: f64,
}

impl Round {
    /// Requests per second that echo and engine allow. A large model is held against the engine alone; one connection asks
    /// one row at a time; many are answered in batches.
    fn limit(&self, door: &Door, alone: bool) -> f64 {
        match (door.model, alone) {
            ("cnn", _) => self.one,
            (_, true) => 1.0 / (1.0 / self.echo.rate + 1.0 / self.one),
            (_, false) => 1.0 / (1.0 / self.echo.rate + 1.0 / self.many),
        }
    }
}

fn row(door: &Door, connections: usize, streams: usize, rounds: &[Round]) -> Vec<String> {
    let alone = connections * streams == 1;
    let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let ratios: Vec<f64> = rounds.iter().map(|r| r.landfall.rate / r.limit(door, alone)).collect();
    let spread = ratios.iter().fold((f64::MAX, f64::MIN), |(low, high), r| (low.min(*r), high.max(*r)));
    let micros = |seconds: f64| format!("{:.0} µs", seconds * 1e6);
    let added = of(&|r| r.landfall.p50.as_secs_f64() - r.echo.p50.as_secs_f64() - 1.0 / r.one);
    let time = |figure: &dyn Fn(&Round) -> Duration| of(&|r| figure(r).as_secs_f64() * 1e6);
    vec![
        door.name.to_owned(),
        format!("{connections} × {streams}"),
        format!("{:.0}", of(&|r| r.echo.rate)),
        format!("{:.0}; {:.0}", of(&|r| r.one), of(&|r| r.many)),
        format!("{:.0}", of(&|r| r.limit(door, alone))),
        format!("{:.0}", of(&|r| r.landfall.rate)),
        format!("{:.2} ({:.2}–{:.2})", median(ratios.clone()), spread.0, spread.1),
        format!("{:.1}; {:.1} µs", time(&|r| r.echo_time), time(&|r| r.landfall_time)),
        micros(of(&|r| r.landfall.p50.as_secs_f64())),
        micros(of(&|r| r.landfall.p99.as_secs_f64())),
        if alone { micros(added) } else { "–".to_owned() },
    ]
}

fn ask(
    setup: &Setup,
    door: &Door,
    url: &str,
    body: &Path,
    frame: &Path,
    connections: usize,
    streams: usize,
) -> Result<Seen, String> {
    let seconds = setup.seconds;
    if door.grpc {
        load::grpc(&GrpcLoad { url, frame, connections, streams, seconds }, CLIENT, &setup.scratch)
    } else {
        load::http(
            &HttpLoad { url, body, headers: &door.headers, connections, seconds },
            CLIENT,
            &setup.scratch,
        )
    }
}

/// Rows per second of the engine in process, in batches of `rows`.
fn in_process(setup: &Setup, model: &str, rows: usize) -> Result<f64, String> {
    let file = if model == KERAS { model.to_owned() } else { format!("{model}.onnx") };
    let file = setup.folder(model).join(file).display().to_string();
    let bench = setup.bench.display().to_string();
    let printed = output_of(SERVER, &[&bench, "rows", &file, &rows.to_string()])?;
    printed.trim().parse().map_err(|_| format!("no rate in {printed:?}"))
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}
