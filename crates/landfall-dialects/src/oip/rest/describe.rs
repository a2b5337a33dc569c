//! Documents about server and models: metadata, configuration, statistics, health.

use crate::json::write;
use crate::oip::names::{self, EXTENSIONS, ModelFacts, VersionPolicy};
use landfall_model::{DType, Dim, Timed, VersionStatistics};

/// A small JSON document under construction: members are separated by what came before them.
pub(super) struct Document(Vec<u8>);

impl Document {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Document(Vec::new())
    }

    /// An object of what `members` writes.
    pub(super) fn object(&mut self, members: impl FnOnce(&mut Self)) -> &mut Self {
        self.0.push(b'{');
        members(self);
        self.0.push(b'}');
        self
    }

    /// An array, each element written by `element`.
    pub(super) fn array<T>(&mut self, items: impl IntoIterator<Item = T>, element: impl Fn(&mut Self, T)) {
        self.0.push(b'[');
        for item in items {
            self.separate();
            element(self, item);
        }
        self.0.push(b']');
    }

    /// A member's name; its value must follow.
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        write::string(&mut self.0, name.as_bytes());
        self.0.push(b':');
        self
    }

    /// A string.
    pub(super) fn text(&mut self, value: &str) {
        write::string(&mut self.0, value.as_bytes());
    }

    /// An integer.
    pub(super) fn integer(&mut self, value: impl itoa::Integer) {
        write::integer(&mut self.0, value);
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, value: bool) {
        write::boolean(&mut self.0, value);
    }

    /// The bytes.
    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    fn separate(&mut self) {
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }
}

/// One object as a whole document.
pub(super) fn object(members: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut document = Document::new();
    document.object(members);
    document.done()
}

/// `{"live":true}`, KServe's answer (Triton's is empty): the process runs.
pub fn live() -> Vec<u8> {
    object(|o| o.key("live").boolean(true))
}

/// `{"ready":…}`: whether all models that should be loaded are.
pub fn ready(ready: bool) -> Vec<u8> {
    object(|o| o.key("ready").boolean(ready))
}

/// `{"name":…,"ready":true}`, KServe's answer (Triton's is empty).
pub fn model_ready(model: &str) -> Vec<u8> {
    object(|o| {
        o.key("name").text(model);
        o.key("ready").boolean(true);
    })
}

/// The server's metadata. `version` is the server's own.
pub fn server_metadata(version: &str) -> Vec<u8> {
    object(|o| {
        o.key("name").text(names::SERVER);
        o.key("version").text(version);
        o.key("extensions").array(EXTENSIONS, |a, extension| a.text(extension));
    })
}

/// A model's metadata.
pub fn model_metadata(facts: ModelFacts<'_>) -> Vec<u8> {
    let tensor = |a: &mut Document, (name, dtype, dims): (&str, DType, Option<&[Dim]>)| {
        a.object(|o| {
            o.key("name").text(name);
            o.key("datatype").text(names::datatype(dtype));
            o.key("shape").array(dims.unwrap_or_default(), |a, dim| a.integer(dim.as_signed()));
        });
    };
    let signature = facts.signature;
    object(|o| {
        o.key("name").text(facts.model);
        o.key("versions").array(facts.versions, |a, version| a.text(&version.to_string()));
        o.key("platform").text(names::platform(facts.facts));
        let inputs = signature.inputs().iter();
        o.key("inputs").array(inputs.map(|i| (&*i.name, i.dtype, i.dims.as_deref())), tensor);
        let outputs = signature.outputs().iter();
        o.key("outputs").array(outputs.map(|i| (&*i.name, i.dtype, i.dims.as_deref())), tensor);
    })
}

/// A model's configuration in Triton's form, from its signature. Shapes are whole, axis 0 included, so that
/// `max_batch_size` is 0: the form's own word for "no batch axis is put in front".
pub fn model_config(facts: ModelFacts<'_>) -> Vec<u8> {
    let signature = facts.signature;
    object(|o| {
        o.key("name").text(facts.model);
        o.key("platform").text(names::platform(facts.facts));
        o.key("backend").text(names::backend(facts.facts));
        o.key("version_policy").object(|o| version_policy(o, facts.policy));
        o.key("max_batch_size").integer(0);
        o.key("input").array(signature.inputs(), |a, input| {
            a.object(|o| {
                o.key("name").text(&input.name);
                o.key("data_type").text(names::config_type(input.dtype).0);
                o.key("format").text("FORMAT_NONE");
                dims(o, input.dims.as_deref());
                o.key("is_shape_tensor").boolean(false);
                o.key("allow_ragged_batch").boolean(false);
                o.key("optional").boolean(input.optional);
            });
        });
        o.key("output").array(signature.outputs(), |a, output| {
            a.object(|o| {
                o.key("name").text(&output.name);
                o.key("data_type").text(names::config_type(output.dtype).0);
                dims(o, output.dims.as_deref());
                o.key("label_filename").text("");
                o.key("is_shape_tensor").boolean(false);
            });
        });
        if facts.batches {
            o.key("dynamic_batching").object(|o| {
                let most = facts.max_rows.map(|rows| rows as u64);
                o.key("preferred_batch_size").array(most, |a, rows| a.integer(rows));
                o.key("max_queue_delay_microseconds").integer(0);
            });
        }
        o.key("instance_group").array([()], |a, ()| {
            a.object(|o| {
                o.key("name").text(&format!("{}_0", facts.model));
                o.key("kind").text("KIND_CPU");
                o.key("count").integer(1);
            });
        });
    })
}

fn version_policy(o: &mut Document, policy: &VersionPolicy) {
    match policy {
        VersionPolicy::Latest(number) => o.key("latest").object(|o| o.key("num_versions").integer(*number)),
        VersionPolicy::All => o.key("all").object(|_| {}),
        VersionPolicy::Specific(versions) => o.key("specific").object(|o| {
            o.key("versions").array(versions, |a, version| a.integer(*version));
        }),
    };
}

fn dims(o: &mut Document, dims: Option<&[Dim]>) {
    o.key("dims").array(dims.unwrap_or_default(), |a, dim| a.integer(dim.as_signed()));
}

/// Statistics of versions. There is no response cache: its counts are 0.
pub fn statistics(versions: &[VersionStatistics]) -> Vec<u8> {
    object(|o| {
        o.key("model_stats").array(versions, |a, version| {
            a.object(|o| model_statistics(o, version));
        });
    })
}

fn model_statistics(o: &mut Document, version: &VersionStatistics) {
    o.key("name").text(&version.model);
    o.key("version").text(&version.version.to_string());
    o.key("last_inference").integer(version.last_inference_ms);
    o.key("inference_count").integer(version.inferences);
    o.key("execution_count").integer(version.executions);
    o.key("inference_stats").object(|o| {
        timed(o, "success", version.success);
        timed(o, "fail", version.fail);
        timed(o, "queue", version.queue);
        timed(o, "compute_input", version.compute_input);
        timed(o, "compute_infer", version.compute_infer);
        timed(o, "compute_output", version.compute_output);
        timed(o, "cache_hit", Timed::default());
        timed(o, "cache_miss", Timed::default());
    });
    o.key("response_stats").object(|_| {});
    o.key("batch_stats").array(&version.batches, |a, batch| {
        a.object(|o| {
            o.key("batch_size").integer(batch.rows);
            timed(o, "compute_input", batch.compute_input);
            timed(o, "compute_infer", batch.compute_infer);
            timed(o, "compute_output", batch.compute_output);
        });
    });
    o.key("memory_usage").array([(); 0], |_, ()| {});
}

fn timed(o: &mut Document, name: &str, timed: Timed) {
    o.key(name).object(|o| {
        o.key("count").integer(timed.count);
        o.key("ns").integer(timed.ns);
    });
}
