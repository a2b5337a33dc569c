//! `grpc.reflection.v1.ServerReflection` and its twin `v1alpha`: what this server offers, for tools such as `grpcurl`.

use crate::protobuf::Writer;
use crate::protobuf::descriptor::Descriptors;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

/// Full names of the service in its two versions, whose messages are the same.
pub const SERVICES: [&str; 2] =
    ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// One question of the stream.
enum Question<'a> {
    FileByName(&'a str),
    FileOf(&'a str),
    Extension(&'a str),
    ExtensionNumbers(&'a str),
    Services,
    Nothing,
}

/// The `ServerReflectionResponse` to a `ServerReflectionRequest`. Of the services that there can be, those are listed that
/// are `offered`.
///
/// # Errors
/// Malformed bytes. What is not found is an answer too.
pub fn answer(request: &[u8], offered: impl Fn(&str) -> bool) -> Result<Vec<u8>, Problem> {
    let (host, question) = read(request)?;
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.string_field(1, host);
    w.bytes_field(2, request);
    let descriptors = Descriptors::get();
    match question {
        Question::FileByName(name) => files(&mut w, descriptors.file(name), name),
        Question::FileOf(symbol) => files(&mut w, descriptors.file_of(symbol), symbol),
        Question::Services => w.message(6, |w| {
            let offered = descriptors.services().filter(|service| offered(service));
            offered.for_each(|service| w.message(1, |w| w.string_field(1, &service)));
        }),
        // There are no extensions: of a message that is known there are none, others are unknown.
        Question::ExtensionNumbers(name) if descriptors.file_of(name).is_some() => {
            w.message(5, |w| w.string_field(1, name));
        }
        Question::ExtensionNumbers(name) | Question::Extension(name) => not_found(&mut w, name),
        Question::Nothing => error(&mut w, 3, "the request asks for nothing"),
    }
    Ok(out)
}

fn read(request: &[u8]) -> Result<(&str, Question<'_>), Problem> {
    let (mut host, mut question) = ("", Question::Nothing);
    let mut fields = Fields::new("ServerReflectionRequest", request);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => host = value.text()?,
            3 => question = Question::FileByName(value.text()?),
            4 => question = Question::FileOf(value.text()?),
            5 => {
                let mut extension = value.message()?;
                question = Question::Extension("");
                while let Some((field, value)) = extension.next()? {
                    if field == 1 {
                        question = Question::Extension(value.text()?);
                    }
                }
            }
            6 => question = Question::ExtensionNumbers(value.text()?),
            7 => question = Question::Services,
            _ => {}
        }
    }
    Ok((host, question))
}

fn files(w: &mut Writer<'_>, files: Option<Vec<&[u8]>>, name: &str) {
    match files {
        Some(files) => w.message(4, |w| files.iter().for_each(|file| w.bytes_field(1, file))),
        None => not_found(w, name),
    }
}

fn not_found(w: &mut Writer<'_>, name: &str) {
    error(w, 5, &format!("not found: {name}"));
}

fn error(w: &mut Writer<'_>, code: u64, text: &str) {
    w.message(7, |w| {
        w.varint_field(1, code);
        w.string_field(2, text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(field: u32, text: &str) -> (u32, Vec<u8>) {
        let mut request = Vec::new();
        let mut w = Writer::new(&mut request);
        w.string_field(1, "here");
        w.string_field(field, text);
        let answer = answer(&request, |service| service != "tensorflow.ProfilerService").unwrap();
        let mut fields = Fields::new("answer", &answer);
        assert_eq!(fields.next().unwrap().unwrap().1.text().unwrap(), "here");
        assert_eq!(fields.next().unwrap().unwrap().1.bytes().unwrap(), request);
        let (field, value) = fields.next().unwrap().unwrap();
        (field, value.bytes().unwrap().to_vec())
    }

    fn texts(message: &[u8]) -> Vec<String> {
        let mut fields = Fields::new("services", message);
        let mut texts = Vec::new();
        while let Some((_, value)) = fields.next().unwrap() {
            texts.push(value.message().unwrap().next().unwrap().unwrap().1.text().unwrap().to_owned());
        }
        texts
    }

    #[test]
    fn all_services_are_listed_that_are_offered() {
        let (field, services) = ask(7, "*");
        assert_eq!(field, 6);
        let names = texts(&services);
        let expected = [
            "inference.GRPCInferenceService",
            "tensorflow.serving.PredictionService",
            "tensorflow.serving.ModelService",
            super::super::health::SERVICE,
        ];
        for name in expected.iter().chain(&SERVICES) {
            assert!(names.iter().any(|known| known == name), "{name} is not in {names:?}");
        }
        assert!(!names.iter().any(|name| name == "tensorflow.ProfilerService"), "that one is not offered");
    }

    #[test]
    fn files_are_found_by_name_and_by_what_they_declare() {
        assert_eq!(ask(3, "grpc_service.proto").0, 4);
        assert_eq!(ask(4, "inference.GRPCInferenceService").0, 4);
        assert_eq!(ask(3, "nope.proto").0, 7);
        assert_eq!(ask(4, "inference.Nope").0, 7);
        assert_eq!(ask(6, "inference.ModelConfig").0, 5);
        assert_eq!(ask(6, "inference.Nope").0, 7);
        assert_eq!(ask(5, "").0, 7);
        assert_eq!(ask(2, "no field of it").0, 7);
    }
}
