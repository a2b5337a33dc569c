//! Bidirectional gRPC streams: questions as they come, answers in their order.
//!
//! One task reads and begins to answer, so that predictions sent together can share a batch; the reply's body waits for
//! the first answer that is due.

use crate::body::{Pieces, RequestBody};
use crate::caller::{Caller, Shared};
use crate::connections::{Activity, UnderWay};
use crate::grpc::frame::{Frames, Message};
use crate::grpc::status;
use crate::limits::{BODY_TIME, LAST_REQUESTS, QUESTION, STREAM_DEPTH};
use crate::memory::{Full, Share};
use crate::phase::Phase;
use crate::reply::{Answers, Due, Pending, Reply, ReplyBody};
use http::{Response, header};
use landfall_dialects::GrpcError;
use landfall_model::{Problem, Reason};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Opens a stream. `begin` begins to answer a message; its error ends the stream, as does what is wrong with a frame,
/// after all that came before it was answered.
pub(crate) fn open<B, F>(
    caller: &Caller,
    body: RequestBody,
    word: fn(&Problem) -> GrpcError,
    begin: B,
) -> Reply
where
    B: Fn(Message) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Pending, Problem>> + Send + 'static,
{
    let (answers, pending) = mpsc::channel(STREAM_DEPTH);
    let under_way = UnderWay::begin(caller.activity.clone(), true);
    let (shared, share) = (caller.shared.clone(), caller.share.clone());
    let questions = Questions { shared, share: share.clone(), begin, answers, _under_way: under_way };
    tokio::spawn(questions.read(body, word));
    let failed = Box::new(move |problem: &Problem| status::failed(&word(problem)));
    let answers = Answers { pending, first: None, share, failed, end: status::ok() };
    let mut reply = Response::new(ReplyBody::Stream(Box::new(answers)));
    reply.headers_mut().insert(header::CONTENT_TYPE, status::CONTENT_TYPE);
    reply
}

/// The reading side of a stream.
struct Questions<B> {
    shared: Arc<Shared>,
    share: Arc<Share>,
    begin: B,
    answers: mpsc::Sender<Due>,
    _under_way: UnderWay<Arc<Activity>>,
}

impl<B, F> Questions<B>
where
    B: Fn(Message) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Pending, Problem>> + Send + 'static,
{
    /// Reads until the caller ends or leaves, or the server stops.
    async fn read(self, body: RequestBody, word: fn(&Problem) -> GrpcError) {
        let mut phase = self.shared.phase.clone();
        let stopped = async {
            // An error means that the server is gone.
            let _ = phase.wait_for(|phase| *phase != Phase::Serve).await;
            tokio::time::sleep(LAST_REQUESTS).await;
        };
        let ended = tokio::select! {
            ended = self.read_all(body) => ended,
            () = stopped => Err(Problem::new(Reason::ShuttingDown)),
        };
        if let Err(problem) = ended {
            let trailers = status::failed(&word(&problem));
            // Nobody listens to the end of a stream that he left.
            let last = Due { answer: Box::pin(std::future::ready(Err(trailers))), _hold: self.share.hold() };
            let _ = self.answers.send(last).await;
        }
    }

    async fn read_all(&self, body: RequestBody) -> Result<(), Problem> {
        let mut pieces = Pieces::new(body, BODY_TIME);
        let mut frames = Frames::new(self.shared.max_message());
        let mut came = self.share.hold();
        loop {
            // Between messages a stream may be silent for as long as its caller likes.
            let piece = if frames.len() == 0 { pieces.next_whenever().await } else { pieces.next().await };
            let Some(piece) = piece.map_err(|error| error.problem())? else { return frames.end() };
            came.set(frames.len() + piece.len()).map_err(Full::problem)?;
            frames.push(&piece);
            drop(piece);
            while let Some(message) = frames.next()? {
                if !self.take_up(message).await? {
                    return Ok(());
                }
                pieces.start_anew();
            }
            frames.compact();
            came.set(frames.len()).map_err(Full::problem)?;
        }
    }

    /// Begins to answer a message once the caller has read enough of what he was answered; says whether he still listens.
    async fn take_up(&self, message: Message) -> Result<bool, Problem> {
        self.share.caught_up().await.map_err(Full::problem)?;
        let mut hold = self.share.hold();
        hold.grow(QUESTION + message.len()).map_err(Full::problem)?;
        let due = Due { answer: (self.begin)(message).await?, _hold: hold };
        Ok(match self.answers.try_send(due) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(due)) => {
                let _standing = self.share.stand_still().map_err(Full::problem)?;
                self.answers.send(due).await.is_ok()
            }
        })
    }
}
