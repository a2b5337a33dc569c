//! `ModelStreamInfer`. A failed question is answered by a message, and the stream goes on, unless its caller wants it to
//! end.

use crate::body::RequestBody;
use crate::caller::{Caller, Shared};
use crate::compression::Coding;
use crate::doors::call_options::CallOptions;
use crate::doors::grpc::stream;
use crate::doors::grpc::unary::{coding, unpacked};
use crate::doors::oip;
use crate::doors::predict::{Waiting, away, bytes_of, hand_in};
use crate::doors::room::{self, Room};
use crate::grpc::frame::{Message, framed};
use crate::grpc::status;
use crate::memory::Share;
use crate::reply::{Pending, Reply};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use landfall_dialects::Identity;
use landfall_dialects::oip::grpc as dialect;
use landfall_dialects::oip::{Form, errors};
use landfall_model::{Buffer, Problem, Signature};
use landfall_serving::Lease;
use std::sync::Arc;

/// Opens a stream.
pub(crate) fn answer(caller: &Caller, parts: &Parts, body: &mut RequestBody) -> Reply {
    let coding = match coding(&parts.headers) {
        Ok(coding) => coding,
        Err(unknown) => return unknown.reply(),
    };
    let options = match CallOptions::of(&parts.headers) {
        Ok(options) => options,
        Err(problem) => return status::refused(&errors::grpc(&problem)),
    };
    let ends_on_error = parts
        .headers
        .get("triton_grpc_error")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let (shared, share) = (caller.shared.clone(), caller.share.clone());
    let questions = Arc::new(Questions { shared, share, options, coding, ends_on_error });
    stream::open(caller, body.take(), errors::grpc, move |message| questions.clone().begin(message))
}

/// What all questions of a stream have in common.
struct Questions {
    shared: Arc<Shared>,
    share: Arc<Share>,
    options: CallOptions,
    coding: Option<Coding>,
    ends_on_error: bool,
}

impl Questions {
    async fn begin(self: Arc<Self>, message: Message) -> Result<Pending, Problem> {
        let body = unpacked(message, self.coding, self.shared.max_message(), &self.share).await?;
        let (shared, ends) = (self.shared.clone(), self.ends_on_error);
        let mut found = None;
        Ok(match self.handed_in(&body, &mut found).await {
            Ok(question) => Box::pin(async move { question.answer(&shared, ends).await }),
            Err(problem) => {
                oip::ended(&shared, found.as_ref(), Some(&problem));
                let failed = failed(&problem, &dialect::infer_id(body.bytes()), false, ends);
                Box::pin(std::future::ready(failed))
            }
        })
    }

    async fn handed_in(&self, body: &Buffer, found: &mut Option<Lease>) -> Result<Question, Problem> {
        let (bytes, address) = (body.len(), dialect::infer_address(body.bytes())?);
        let lease = oip::find(&self.shared, &address.model, &address.version)?;
        *found = Some(lease.clone());
        let (holder, body) = (lease.clone(), body.clone());
        let decode = move || dialect::decode_infer(&body, holder.signatures(), holder.model());
        let decoded = away(bytes, decode).await??;
        let room = room::for_tensors(&self.share, bytes, &decoded.call)?;
        let (waiting, signature, form) = hand_in(lease.clone(), self.options, decoded);
        Ok(Question { lease, signature, form, waiting, share: self.share.clone(), room })
    }
}

/// A question that was handed in.
struct Question {
    lease: Lease,
    signature: Arc<Signature>,
    form: Form,
    waiting: Waiting,
    share: Arc<Share>,
    room: Room,
}

impl Question {
    async fn answer(self, shared: &Shared, ends_on_error: bool) -> Result<Bytes, HeaderMap> {
        let (id, lease) = (self.form.id().to_vec(), self.lease.clone());
        let answered = self.encoded().await;
        oip::ended(shared, Some(&lease), answered.as_ref().err());
        answered.map(Bytes::from).or_else(|problem| failed(&problem, &id, true, ends_on_error))
    }

    async fn encoded(self) -> Result<Vec<u8>, Problem> {
        let Question { lease, signature, form, waiting, share, room } = self;
        let outputs = waiting.answer().await?.outputs;
        let room = room::for_answer(&share, room, &outputs, room::BINARY)?;
        away(bytes_of(&outputs), move || {
            let _room = room;
            let identity = Identity { model: lease.model(), version: lease.version() };
            framed(|out| dialect::encode_stream(&form, identity, &signature, &outputs, out))
        })
        .await?
    }
}

/// An error as a message, or as the stream's end.
#[cold]
fn failed(problem: &Problem, id: &[u8], from_model: bool, ends: bool) -> Result<Bytes, HeaderMap> {
    let error = errors::grpc(problem);
    if ends {
        return Err(status::failed(&error));
    }
    let message = framed::<Problem>(|out| {
        dialect::encode_stream_error(&error.message, id, from_model, out);
        Ok(())
    });
    message.map(Bytes::from).map_err(|problem| status::failed(&errors::grpc(&problem)))
}
