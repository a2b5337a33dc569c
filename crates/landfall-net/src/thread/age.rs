//! How old a connection may become, where there is a maximum.

use crate::caller::Speaks;
use crate::limits::AGE_GRACE;
use crate::settings::GrpcConnections;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// When a connection is too old, where there is a maximum.
pub(super) struct Age {
    timer: Pin<Box<Sleep>>,
    grace: Duration,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Young,
    Asked,
    Over,
}

impl Age {
    pub(super) fn of(speaks: Speaks, connections: &GrpcConnections) -> Option<Self> {
        let most = connections.max_age.filter(|_| speaks == Speaks::Grpc)?;
        let grace = connections.max_age_grace.unwrap_or(AGE_GRACE);
        Some(Age { timer: Box::pin(sleep(most)), grace, stage: Stage::Young })
    }

    /// Whether now is the time to ask the other side to end; true once.
    pub(super) fn asks_to_end(&mut self, cx: &mut Context<'_>) -> bool {
        let mut asks = false;
        while self.stage != Stage::Over && self.timer.as_mut().poll(cx).is_ready() {
            asks = self.stage == Stage::Young;
            self.stage = if asks { Stage::Asked } else { Stage::Over };
            self.timer = Box::pin(sleep(self.grace));
        }
        asks
    }

    /// Whether it has to end now.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }
}
