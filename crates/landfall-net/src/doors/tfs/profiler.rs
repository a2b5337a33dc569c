//! TensorFlow's profiler service: requests are traced for as long as a client asks, and the trace is written where it
//! says. Clients are TensorBoard and `tf.profiler.experimental.client`.

use crate::body::RequestBody;
use crate::caller::{CLOCK, Caller};
use crate::doors::grpc::unary::{self, Unary, coding, message, unknown};
use crate::grpc::status;
use crate::phase::Phase;
use crate::reply::Reply;
use crate::trace::{Trace, terminate};
use http::request::Parts;
use landfall_dialects::tfs::profiler::{decode_profile, decode_terminate, encode_xspace};
use landfall_model::{Kind, Problem};
use landfall_serving::Clock;
use std::path::Path;
use std::time::SystemTime;

/// The service.
pub(crate) const SERVICE: &str = "tensorflow.ProfilerService";

/// Answers a call of the service.
pub(crate) async fn answer(caller: &Caller, method: &str, parts: &Parts, body: &mut RequestBody) -> Reply {
    if !["Profile", "Terminate", "Monitor"].contains(&method) || !caller.shared.tfs.profiler {
        return unknown(SERVICE, method);
    }
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let answered = match message(caller, body, coding).await {
        Err(problem) => Err(problem),
        Ok(body) => match method {
            "Profile" => profile(caller, body.bytes()).await,
            "Terminate" => decode_terminate(body.bytes()).map(|session| {
                terminate(&session);
                Vec::new()
            }),
            // As in the original, which monitors TPUs alone.
            _ => Err(Problem::worded(Kind::Unimplemented, "unimplemented.")),
        },
    };
    let unary: Unary = match answered {
        Ok(answer) => unary::framed(&answer),
        Err(problem) => Err(status::plain(&problem)),
    };
    unary::reply(unary)
}

async fn profile(caller: &Caller, body: &[u8]) -> Result<Vec<u8>, Problem> {
    let asked = decode_profile(body)?;
    let file = asked.file()?;
    let trace = Trace::begin(&asked.session_id, asked.max_events)?;
    let began = CLOCK.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let start = CLOCK.now();
    let mut end = caller.shared.phase.clone();
    tokio::select! {
        () = tokio::time::sleep(asked.duration) => {}
        () = trace.terminated() => {}
        // What was traced so far is worth having.
        _ = end.wait_for(|phase| *phase != Phase::Serve) => {}
    }
    let requests = trace.end();
    let took = CLOCK.now().duration_since(start);
    let began = u64::try_from(began.as_nanos()).unwrap_or_default();
    let write = move || {
        let written = write(&file, &encode_xspace(&asked.host_name, began, took, &requests));
        written.map(|()| tracing::info!("a trace of {} requests: {}", requests.len(), file.display()))
    };
    let written = tokio::task::spawn_blocking(write).await;
    written.map_err(|_| Problem::internal("writing a trace panicked; the log has the message"))??;
    Ok(Vec::new())
}

/// Writes a file, whole or not at all.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let made = std::fs::create_dir_all(folder);
    made.map_err(|error| Problem::io(format!("make the folder {}", folder.display()), &error))?;
    let beside = file.with_extension("pb.part");
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| Problem::io(format!("write {}", file.display()), &error))
}
