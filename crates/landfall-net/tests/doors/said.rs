//! What the log says of refused calls to those who look into it.

use crate::grpc_client::{Grpc, INFER, STREAM, frame, infer, runtime};
use crate::house::{FAILS, House};
use crate::http_client::{ask, oip, tfs};
use landfall_net::NetSettings;
use std::fmt::Debug;
use std::sync::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The log of this process, all its servers'.
static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::DEBUG && metadata.target().starts_with("landfall_net")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Message);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Message;

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            LOG.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

#[test]
fn each_door_says_what_it_refused() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    // Other tests' servers write to the same log.
    let shut = House::with(|settings: &mut NetSettings| settings.control = Some(false));
    let house = House::open();
    ask(house.http, "POST", "/v1/models/said-tfs:predict", "", tfs(&[1.0]));
    ask(house.http, "POST", "/v2/models/said-oip/infer", "", oip(&[1.0]));
    ask(house.http, "POST", "/v2/repository/models/said-load/load", "", "");
    ask(shut.http, "POST", "/control/models/said-promoted/promote", "", r#"{"version": 1}"#);
    runtime().block_on(async {
        let mut client = Grpc::to(house.grpc).await;
        client.unary(INFER, &infer("said-grpc", "", &[1.0])).await;
        let questions = [infer("said-stream", "", &[1.0]), infer("half", "", &[FAILS])];
        client.call(STREAM, &[], questions.map(|question| frame(&question)).concat()).await;
    });
    let log = LOG.lock().unwrap();
    for (line, what) in [
        (r#"tfs-rest: model "said-tfs": refused, NOT_FOUND: "#, ""),
        (r#"oip-rest: model "said-oip": refused, NOT_FOUND: "#, ""),
        (r#"control: model "said-load": refused, NOT_FOUND: "#, ""),
        (r#"control: model "said-promoted": refused, PERMISSION_DENIED: "#, "--control on"),
        (r#"oip-grpc: model "": refused, NOT_FOUND: "#, "said-grpc"),
        (r#"oip-grpc: model "": refused, NOT_FOUND: "#, "said-stream"),
        (r#"oip-grpc: model "half": refused, "#, "minus one"),
    ] {
        assert!(
            log.iter().any(|said| said.starts_with(line) && said.contains(what)),
            "{line}{what}: {log:#?}"
        );
    }
}
