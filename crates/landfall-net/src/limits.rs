//! Every maximum that the doors know, by name.

use std::time::Duration;

/// The largest body that is taken where nobody says otherwise, after unpacking.
pub const MAX_BODY_DEFAULT: usize = i32::MAX as usize;

/// Each portion of a body has this long to come, from when it is waited for; a body whose portion does not come is given up.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(60);

/// The bytes of a portion, or those up to the body's end: some 273 a second.
pub(crate) const BODY_PORTION: usize = 16 << 10;

/// A portion is this part of what has come, where that is more: a body that holds much room has to grow faster.
const BODY_SHARE: usize = 256;

/// The bytes of the next portion of a body that holds so many; also of what a peer has to read of so many before a connection
/// counts as idle.
pub(crate) fn portion_after(held: usize) -> usize {
    BODY_PORTION.max(held / BODY_SHARE)
}

/// Of a body whose answer came before its end, so many bytes are read and forgotten, for so long.
pub(crate) const FORGOTTEN_BYTES: usize = 64 << 20;
pub(crate) const FORGOTTEN_TIME: Duration = Duration::from_secs(30);

/// A connection without a request under way, on which nothing is written and no new request comes, is closed after this
/// long. So are one whose request head does not end, and one whose peer reads less than a portion of the answers that wait
/// for it. HTTP/2 connections that asked something already may stay.
pub(crate) const CONNECTION_IDLE: Duration = Duration::from_secs(120);

/// How often connections are looked at for that.
pub(crate) const CONNECTION_SWEEP: Duration = Duration::from_secs(10);

/// Once a server stops, clients on idle connections have this long to send what they had begun to send.
pub(crate) const LAST_REQUESTS: Duration = Duration::from_millis(100);

/// Both sides must agree on keys within this time.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// A connection that was asked to end because of its age is ended after this long, where nobody says otherwise.
pub(crate) const AGE_GRACE: Duration = Duration::from_secs(60 * 60);

/// A connection that was asked for a sign of life has this long, where nobody says otherwise.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// After a failed accept (too many open files), the next one is tried after this long.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that wait to be accepted, for each listener.
pub(crate) const BACKLOG: i32 = 1024;

/// Idle connections whose peer vanished without a word are found by the kernel, which starts to ask after this long.
pub(crate) const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// Requests under way on one HTTP/2 connection.
pub(crate) const STREAMS: u32 = 4096;

/// Requests that a peer may begin and give up before they are taken up, on one HTTP/2 connection, before it is taken for an
/// attack. A client whose deadlines are short makes many of them at once, and its other calls share the connection.
pub(crate) const GIVEN_UP: usize = 1024;

/// Bytes that may be under way on one HTTP/2 stream: a large tensor must not wait for window updates.
pub(crate) const STREAM_WINDOW: u32 = 4 << 20;

/// The same for the whole connection.
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;

/// The largest HTTP/2 frame that is taken.
pub(crate) const FRAME: u32 = 256 << 10;

/// All names and values of an HTTP/2 request's head together.
pub(crate) const HEAD_BYTES: u32 = 64 << 10;

/// The whole head of an HTTP/1 request. Bodies are read in pieces of up to as many bytes.
pub(crate) const HEAD_BUFFER: usize = 128 << 10;

/// Requests under way on one connection whose heads count as nothing: those of further ones count against the memory of all.
pub(crate) const HEADS: usize = 64;

/// Streams of one HTTP/2 connection that the server itself may reset because of its peer's mistakes before the peer is taken
/// for an attacker.
pub(crate) const MISTAKES: usize = 1024;

/// Bytes of answers on one HTTP/2 connection that its peer may leave unread; requests beyond that wait until it reads.
pub(crate) const UNREAD: usize = 16 << 20;

/// A request for which there is no memory is worth sending again after this long.
pub(crate) const MEMORY_PAUSE: Duration = Duration::from_secs(1);

/// What a field of a head takes up beside its name and its value, about.
pub(crate) const FIELD: usize = 128;

/// What a request, or a question of a bidirectional stream, takes up until its answer is read, beside its bytes; about.
pub(crate) const QUESTION: usize = 2 << 10;

/// Answers of one bidirectional stream that may wait for those before them.
pub(crate) const STREAM_DEPTH: usize = 64;

/// A `grpc-message` is cut after so many bytes: clients refuse heads that are too large.
pub(crate) const GRPC_MESSAGE_BYTES: usize = 4096;

/// A thread that reads this many calls without a pause runs them before it reads on.
pub(crate) const CALLS_WITHOUT_TURN: usize = 512;

/// Bodies and answers up to this size are unpacked, decoded, encoded and packed on the thread that reads and writes them;
/// larger ones would hold up its other connections.
pub(crate) const IN_PLACE: usize = 1 << 20;

/// How many times as large a packed body is taken to be as long as nobody knows: that decides where it is unpacked.
pub(crate) const UNPACKS_TO: usize = 16;
