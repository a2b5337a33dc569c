//! JSON Lines: one object on each line, `{"dense": [0.5, …], "ids": [3, …]}`.

mod read;
mod value;
mod write;

pub(crate) use read::open;
pub(crate) use write::encode;
