//! What the flags come to: doors, loading, batching.

use super::flags::{Values, Verdict};
use super::{batching, channel_arguments, files, session_config};
use landfall_dialects::tfs::config::{BatchingParameters, ModelServerConfig, MonitoringConfig, SslConfig};
use landfall_model::{Options, Problem};
use landfall_net::{Endpoint, GrpcHealth, NetSettings, TfsSettings, Tls};
use landfall_serving::{BatchOptions, ModelSettings, Retries, Rounds, WatchSettings};
use std::collections::BTreeMap;
use std::time::Duration;

/// The services for which the health service speaks, as the original registers them.
const HEALTHY: [&str; 2] = ["ModelService", "PredictionService"];

/// Refuses what cannot be had, in the original's order, and names what has no effect.
///
/// # Errors
/// Invalid argument, in the original's words, or naming the flag and what to do instead.
pub(super) fn check(values: &Values) -> Result<(), Problem> {
    let refuse = |text: &str| Err(Problem::invalid(text));
    if values.number("port") == 0 && values.path("grpc_socket_path").is_none() {
        return refuse(
            "At least one of server_options.grpc_port or server_options.grpc_socket_path must be set.",
        );
    }
    if values.flag("use_alts_credentials") && values.path("ssl_config_file").is_some() {
        return refuse("Either use_alts_credentials must be false or ssl_config_file must be empty.");
    }
    if values.path("model_base_path").is_none() && values.path("model_config_file").is_none() {
        return refuse("Both server_options.model_base_path and server_options.model_config_file are empty!");
    }
    if !values.flag("enable_batching") && values.path("batching_parameters_file").is_some() {
        return refuse(
            "server_options.batching_parameters_file is set without setting server_options.enable_batching to true.",
        );
    }
    let threads = ["session_parallelism", "intra_op_parallelism", "inter_op_parallelism"];
    if threads.iter().all(|name| values.number(&format!("tensorflow_{name}")) > 0) {
        return refuse(
            "Either configure server_options.tensorflow_session_parallelism or \
             (server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) \
             separately. You cannot configure all.",
        );
    }
    for flag in values.given() {
        match flag.verdict {
            Verdict::Refused(instead) => {
                return Err(Problem::invalid(format!("--{} is not supported: {instead}", flag.name)));
            }
            Verdict::Harmless(why) => tracing::info!("--{} has no effect: {why}", flag.name),
            Verdict::Works => {}
        }
    }
    Ok(())
}

/// The models, by file or by flags.
///
/// # Errors
/// As [`files::read`].
pub(super) fn config(values: &Values) -> Result<ModelServerConfig, Problem> {
    match values.path("model_config_file") {
        Some(path) => read_config(path),
        None => Ok(super::models::single(values.text("model_name"), values.text("model_base_path"))),
    }
}

/// A file of models.
///
/// # Errors
/// As [`files::read`].
pub(super) fn read_config(path: &str) -> Result<ModelServerConfig, Problem> {
    files::read(path, ModelServerConfig::from_text)
}

/// The doors.
///
/// # Errors
/// Invalid argument, naming the flag or the file.
pub(super) fn net(values: &Values) -> Result<NetSettings, Problem> {
    let on_all = |port: i64, name: &str| match u16::try_from(port) {
        Ok(0) => Ok(None),
        Ok(port) => Ok(Some(Endpoint::Tcp(format!("0.0.0.0:{port}")))),
        Err(_) => Err(Problem::invalid(format!("--{name}: {port} is no port"))),
    };
    let tcp = on_all(values.number("port"), "port")?;
    let unix = values.path("grpc_socket_path").map(|path| Endpoint::Unix(path.into()));
    let mut http = on_all(values.number("rest_api_port"), "rest_api_port")?;
    if http.is_some() && http == tcp {
        tracing::error!(
            "server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API. \
             Skipped exporting HTTP/REST API."
        );
        http = None;
    }
    let (grpc_connections, without_effect) = channel_arguments::parse(values.text("grpc_channel_arguments"))?;
    for key in without_effect {
        tracing::info!("--grpc_channel_arguments: {key} has no effect");
    }
    let (grpc, grpc_too) = if tcp.is_some() { (tcp, unix) } else { (unix, None) };
    let health = values.flag("enable_grpc_healthcheck_service");
    Ok(NetSettings {
        http,
        grpc,
        grpc_too,
        replace_sockets: true,
        grpc_tls: tls(values)?,
        grpc_connections,
        grpc_health: if health { GrpcHealth::Of(&HEALTHY) } else { GrpcHealth::Off },
        control: Some(true),
        tfs: TfsSettings {
            rest_timeout: milliseconds(values.number("rest_api_timeout_in_ms")),
            cors: values.flag("rest_api_enable_cors_support"),
            metrics_path: metrics_path(values)?,
            tensor_content: values.flag("enable_serialization_as_tensor_content"),
            check_method_names: values.flag("enable_signature_method_name_check"),
            profiler: values.flag("enable_profiler"),
            reload: None,
            log: None,
        },
        ..NetSettings::default()
    })
}

/// A time that may be none: the original takes one that is not positive for no limit.
fn milliseconds(count: i64) -> Option<Duration> {
    u64::try_from(count).ok().filter(|&count| count > 0).map(Duration::from_millis)
}

fn tls(values: &Values) -> Result<Option<Tls>, Problem> {
    let Some(path) = values.path("ssl_config_file") else { return Ok(None) };
    let ssl = files::read(path, SslConfig::from_text)?;
    if ssl.client_verify && ssl.custom_ca.is_empty() {
        return Err(Problem::invalid(format!(
            "{path}: client_verify needs custom_ca: the certificates that clients' own are held against"
        )));
    }
    let roots = ssl.client_verify.then_some(ssl.custom_ca.as_bytes());
    let tls = Tls::from_pem(ssl.server_cert.as_bytes(), ssl.server_key.as_bytes(), roots);
    tls.map(Some).map_err(|problem| problem.at(path))
}

fn metrics_path(values: &Values) -> Result<Option<String>, Problem> {
    let Some(path) = values.path("monitoring_config_file") else { return Ok(None) };
    let config = files::read(path, MonitoringConfig::from_text)?;
    let page = config.prometheus.filter(|page| page.enable).map(|page| page.path().to_owned());
    if page.is_some() && values.number("rest_api_port") == 0 {
        tracing::warn!("--monitoring_config_file has no effect without --rest_api_port");
    }
    Ok(page)
}

/// What holds for all models.
///
/// # Errors
/// Invalid argument, naming the file of batching parameters.
pub(super) fn common(values: &Values) -> Result<ModelSettings, Problem> {
    Ok(ModelSettings {
        engine_options: BTreeMap::from([("tensorflow".to_owned(), session_options(values)?)]),
        batching: batching_of_all(values)?,
        prefer_file: values.flag("prefer_tflite_model").then(|| "model.tflite".to_owned()),
        ..ModelSettings::default()
    })
}

fn batching_of_all(values: &Values) -> Result<BatchOptions, Problem> {
    match (values.flag("enable_batching"), values.path("batching_parameters_file")) {
        (false, _) => Ok(batching::off()),
        (true, None) => batching::options(&BatchingParameters::default()),
        (true, Some(path)) => batching_from(path),
    }
}

fn batching_from(path: &str) -> Result<BatchOptions, Problem> {
    let parameters = files::read(path, BatchingParameters::from_text)?;
    if parameters.thread_pool_name.is_some() {
        tracing::info!("{path}: thread_pool_name has no effect");
    }
    batching::options(&parameters).map_err(|problem| problem.at(path))
}

/// How the calls of one version are put together, from its own folder; off where nothing lies there.
///
/// # Errors
/// Invalid argument, naming the file.
pub(super) fn batching_of(version: &std::path::Path) -> Result<BatchOptions, Problem> {
    let path = version.join("batching_params.pbtxt");
    if path.is_file() { batching_from(&path.to_string_lossy()) } else { Ok(batching::off()) }
}

/// How folders are watched.
pub(super) fn watch(values: &Values) -> WatchSettings {
    let every = values.number("file_system_poll_wait_seconds");
    let rounds = match every {
        0 => Rounds::Once,
        1.. => Rounds::Always,
        _ => Rounds::Never,
    };
    let every = Duration::from_secs(every.unsigned_abs().max(1));
    WatchSettings { poll: every, rescan: every, native: false, rounds, ..WatchSettings::default() }
}

/// What follows a load that failed.
pub(super) fn retries(values: &Values) -> Retries {
    let most = u32::try_from(values.number("max_num_load_retries")).unwrap_or(0);
    let micros = u64::try_from(values.number("load_retry_interval_micros")).unwrap_or(0);
    Retries { most, interval: Duration::from_micros(micros) }
}

/// How many threads run models: what the flag says, else the batching parameters; `None`: as many as there are cores.
///
/// # Errors
/// Invalid argument, naming the file of batching parameters.
pub(super) fn run_threads(values: &Values) -> Result<Option<usize>, Problem> {
    let flag = values.number("tensorflow_session_parallelism");
    if let Some(threads) = usize::try_from(flag).ok().filter(|&threads| threads > 0) {
        return Ok(Some(threads));
    }
    let Some(path) = values.path("batching_parameters_file") else { return Ok(None) };
    let parameters = files::read(path, BatchingParameters::from_text)?;
    batching::threads(&parameters).map_err(|problem| problem.at(path))
}

/// What TensorFlow's sessions are opened with: flags stand above the session's file, and one for a pool above that for both.
fn session_options(values: &Values) -> Result<Options, Problem> {
    let of_file = match values.path("tensorflow_session_config_file") {
        Some(path) => files::read(path, session_config::threads)?,
        None => (0, 0),
    };
    let mut options = Options::new();
    for (key, flag, of_file) in [
        ("intra_op_parallelism_threads", "tensorflow_intra_op_parallelism", of_file.0),
        ("inter_op_parallelism_threads", "tensorflow_inter_op_parallelism", of_file.1),
    ] {
        let flags = [flag, "tensorflow_session_parallelism"].map(|flag| values.number(flag));
        let number = flags.into_iter().find(|&number| number > 0).unwrap_or(of_file);
        if number != 0 {
            options.set(key, number.to_string());
        }
    }
    // Other kinds of models have no tags, and refuse them.
    if values.text("saved_model_tags") != "serve" {
        options.set("tags", values.text("saved_model_tags"));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow_model_server::flags::{Line, parse};

    fn parsed(line: &[&str]) -> Values {
        let line: Vec<std::ffi::OsString> = line.iter().map(Into::into).collect();
        let Line::Serve(values) = parse(&line).unwrap() else { panic!("no help was asked for") };
        values
    }

    #[test]
    fn threads_that_run_models_come_from_their_flag_then_from_the_batching_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("batching");
        std::fs::write(&file, "num_batch_threads { value: 7 }").unwrap();
        let flag = format!("--batching_parameters_file={}", file.display());
        assert_eq!(run_threads(&parsed(&[])).unwrap(), None);
        assert_eq!(run_threads(&parsed(&[&flag])).unwrap(), Some(7));
        let both = [flag.as_str(), "--tensorflow_session_parallelism=5"];
        assert_eq!(run_threads(&parsed(&both)).unwrap(), Some(5));
        std::fs::write(&file, "num_batch_threads { value: 0 }").unwrap();
        assert!(run_threads(&parsed(&[&flag])).unwrap_err().to_string().contains("must be positive; was 0"));
    }

    #[test]
    fn threads_of_a_session_come_from_their_own_flag_then_from_that_for_both_then_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session");
        std::fs::write(&file, "intra_op_parallelism_threads: 11 inter_op_parallelism_threads: 12").unwrap();
        let file = format!("--tensorflow_session_config_file={}", file.display());
        let intra = "--tensorflow_intra_op_parallelism=3";
        let both = "--tensorflow_session_parallelism=5";
        for (flags, expected) in [
            (vec![], [None, None]),
            (vec![file.as_str()], [Some("11"), Some("12")]),
            (vec![file.as_str(), both], [Some("5"), Some("5")]),
            (vec![file.as_str(), both, intra], [Some("3"), Some("5")]),
            (vec![intra], [Some("3"), None]),
        ] {
            let options = session_options(&parsed(&flags)).unwrap();
            let found =
                ["intra_op_parallelism_threads", "inter_op_parallelism_threads"].map(|key| options.get(key));
            assert_eq!(found, expected, "{flags:?}");
        }
    }
}
