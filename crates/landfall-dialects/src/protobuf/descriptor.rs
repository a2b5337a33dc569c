//! Definitions as `google.protobuf.FileDescriptorProto`, which reflection sends: names resolved over all files.

use super::definitions::FILES;
use super::proto_text::{self, Enum, Field, File, Message, Service};
use crate::protobuf::Writer;
use std::collections::HashMap;
use std::sync::OnceLock;

/// All files, their bytes, and which of them declares a name.
pub(crate) struct Descriptors {
    files: Vec<File>,
    bytes: Vec<Vec<u8>>,
    names: Names,
    /// Full name without a leading dot → file.
    declared: HashMap<String, usize>,
}

/// What a full name stands for in a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Message,
    Enum,
}

impl Descriptors {
    /// The definitions beside this crate.
    pub(crate) fn get() -> &'static Descriptors {
        static DESCRIPTORS: OnceLock<Descriptors> = OnceLock::new();
        DESCRIPTORS.get_or_init(|| {
            Descriptors::read().expect("the definitions are part of the program, and a test reads them all")
        })
    }

    fn read() -> Result<Descriptors, String> {
        let files: Vec<File> =
            FILES.iter().map(|(name, text)| proto_text::parse(name, text)).collect::<Result<_, _>>()?;
        let mut names = HashMap::new();
        let mut declared = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            let mut declare = |name: String, named: Option<Named>| {
                if let Some(named) = named {
                    names.insert(name.clone(), named);
                }
                declared.insert(name, index);
            };
            file.enums.iter().for_each(|e| declare(join(&file.package, &e.name), Some(Named::Enum)));
            file.messages.iter().for_each(|m| declare_message(m, &file.package, &mut declare));
            for service in &file.services {
                let name = join(&file.package, &service.name);
                service.methods.iter().for_each(|method| declare(join(&name, &method.name), None));
                declare(name, None);
            }
        }
        let bytes = files.iter().map(|file| encode(file, &names)).collect::<Result<_, _>>()?;
        Ok(Descriptors { files, bytes, names, declared })
    }

    /// Full names of all services, in the order of the files.
    pub(crate) fn services(&self) -> impl Iterator<Item = String> {
        self.files
            .iter()
            .flat_map(|file| file.services.iter().map(|service| join(&file.package, &service.name)))
    }

    /// A file and all that it imports, itself first.
    pub(crate) fn file(&self, name: &str) -> Option<Vec<&[u8]>> {
        let mut order = vec![self.index(name)?];
        let mut at = 0;
        while let Some(&index) = order.get(at) {
            for import in self.files[index].imports.iter().filter_map(|import| self.index(import)) {
                if !order.contains(&import) {
                    order.push(import);
                }
            }
            at += 1;
        }
        Some(order.into_iter().map(|index| &*self.bytes[index]).collect())
    }

    /// The file that declares a message, enum, service or method.
    pub(crate) fn file_of(&self, symbol: &str) -> Option<Vec<&[u8]>> {
        let index = *self.declared.get(symbol.trim_start_matches('.'))?;
        self.file(self.files[index].name)
    }

    /// The message of this full name.
    pub(crate) fn message(&self, name: &str) -> Option<&Message> {
        let file = &self.files[*self.declared.get(name)?];
        let mut path = within(file, name)?.split('.');
        let first = path.next()?;
        let outermost = file.messages.iter().find(|message| message.name == first)?;
        path.try_fold(outermost, |message, part| message.messages.iter().find(|m| m.name == part))
    }

    /// The enum of this full name.
    pub(crate) fn enumeration(&self, name: &str) -> Option<&Enum> {
        let file = &self.files[*self.declared.get(name)?];
        let enums = match name.rsplit_once('.').and_then(|(scope, _)| self.message(scope)) {
            Some(message) => &message.enums,
            None => &file.enums,
        };
        enums.iter().find(|e| name.ends_with(&e.name))
    }

    /// What the values of a field are; `scope` is the full name of its message.
    pub(crate) fn kind_of(&self, field: &Field, scope: &str) -> FieldKind {
        if scalar(&field.of).is_some() {
            return FieldKind::Scalar;
        }
        match resolve(&field.of, scope, &self.names) {
            Ok((name, Named::Message)) => FieldKind::Message(name[1..].to_owned()),
            Ok((name, Named::Enum)) => FieldKind::Enum(name[1..].to_owned()),
            // The names of all fields were resolved once already, when their files were encoded.
            Err(_) => FieldKind::Scalar,
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|file| file.name == name)
    }
}

/// What the values of a field are.
pub(crate) enum FieldKind {
    /// A number, text or truth value of the type that the field names.
    Scalar,
    /// A message, by its full name.
    Message(String),
    /// An enum, by its full name.
    Enum(String),
}

/// A full name without its file's package.
fn within<'n>(file: &File, name: &'n str) -> Option<&'n str> {
    match &*file.package {
        "" => Some(name),
        package => name.strip_prefix(package)?.strip_prefix('.'),
    }
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

fn declare_message(message: &Message, scope: &str, declare: &mut impl FnMut(String, Option<Named>)) {
    let name = join(scope, &message.name);
    message.enums.iter().for_each(|e| declare(join(&name, &e.name), Some(Named::Enum)));
    message.messages.iter().for_each(|m| declare_message(m, &name, declare));
    declare(name, Some(Named::Message));
}

type Names = HashMap<String, Named>;

/// `FileDescriptorProto`
fn encode(file: &File, names: &Names) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    w.string_field(1, file.name);
    w.string_field(2, &file.package);
    file.imports.iter().for_each(|import| w.string_field(3, import));
    for m in &file.messages {
        w.try_message(4, |w| message(w, m, &join(&file.package, &m.name), names))?;
    }
    file.enums.iter().for_each(|e| w.message(5, |w| enumeration(w, e)));
    for s in &file.services {
        w.try_message(6, |w| service(w, s, &file.package, names))?;
    }
    w.string_field(12, "proto3");
    Ok(out)
}

/// `DescriptorProto`
fn message(w: &mut Writer<'_>, message: &Message, scope: &str, names: &Names) -> Result<(), String> {
    w.string_field(1, &message.name);
    for f in &message.fields {
        w.try_message(2, |w| field(w, f, scope, names))?;
    }
    for m in &message.messages {
        w.try_message(3, |w| self::message(w, m, &join(scope, &m.name), names))?;
    }
    message.enums.iter().for_each(|e| w.message(4, |w| enumeration(w, e)));
    if message.is_map_entry {
        w.message(7, |options| options.bool_field(7, true));
    }
    message.oneofs.iter().for_each(|oneof| w.message(8, |w| w.string_field(1, oneof)));
    Ok(())
}

/// `FieldDescriptorProto`
fn field(w: &mut Writer<'_>, field: &Field, scope: &str, names: &Names) -> Result<(), String> {
    const LABEL_OPTIONAL: u64 = 1;
    const LABEL_REPEATED: u64 = 3;
    w.string_field(1, &field.name);
    w.varint_field(3, field.number);
    w.varint_field(4, if field.repeated { LABEL_REPEATED } else { LABEL_OPTIONAL });
    match scalar(&field.of) {
        Some(number) => w.varint_field(5, number),
        None => {
            let (name, named) = resolve(&field.of, scope, names)?;
            w.varint_field(5, if named == Named::Message { 11 } else { 14 });
            w.string_field(6, &name);
        }
    }
    if let Some(oneof) = field.oneof {
        w.varint_field(9, oneof as u64);
    }
    Ok(())
}

/// Number of a scalar type in `FieldDescriptorProto.Type`.
fn scalar(name: &str) -> Option<u64> {
    Some(match name {
        "double" => 1,
        "float" => 2,
        "int64" => 3,
        "uint64" => 4,
        "int32" => 5,
        "bool" => 8,
        "string" => 9,
        "bytes" => 12,
        "uint32" => 13,
        _ => return None,
    })
}

/// The full name, with a leading dot, of a name as written in a scope: innermost scope first.
fn resolve(name: &str, scope: &str, names: &Names) -> Result<(String, Named), String> {
    let mut scope = Some(scope);
    while let Some(within) = scope {
        let full = join(within, name);
        if let Some(&named) = names.get(&full) {
            return Ok((format!(".{full}"), named));
        }
        scope = if within.is_empty() {
            None
        } else {
            Some(within.rsplit_once('.').map_or("", |(outer, _)| outer))
        };
    }
    Err(format!("{name} is declared nowhere"))
}

/// `EnumDescriptorProto`
fn enumeration(w: &mut Writer<'_>, e: &Enum) {
    w.string_field(1, &e.name);
    for (name, number) in &e.values {
        w.message(2, |w| {
            w.string_field(1, name);
            w.varint_field(2, *number);
        });
    }
}

/// `ServiceDescriptorProto`
fn service(w: &mut Writer<'_>, service: &Service, package: &str, names: &Names) -> Result<(), String> {
    w.string_field(1, &service.name);
    for method in &service.methods {
        let (request, _) = resolve(&method.request.of, package, names)?;
        let (response, _) = resolve(&method.response.of, package, names)?;
        w.message(2, |w| {
            w.string_field(1, &method.name);
            w.string_field(2, &request);
            w.string_field(3, &response);
            if method.request.streams {
                w.bool_field(5, true);
            }
            if method.response.streams {
                w.bool_field(6, true);
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_definitions_are_read_and_all_their_names_are_declared() {
        let descriptors = Descriptors::read().unwrap();
        assert_eq!(descriptors.bytes.len(), FILES.len());
        for file in &descriptors.files {
            for import in &file.imports {
                assert!(descriptors.index(import).is_some(), "{}: {import} is not there", file.name);
            }
        }
    }

    #[test]
    fn a_file_comes_with_all_that_it_imports() {
        let descriptors = Descriptors::get();
        let files = descriptors.file("tensorflow_serving/apis/prediction_service.proto").unwrap();
        assert_eq!(files.len(), 16);
        assert!(descriptors.file("nope.proto").is_none());
        assert!(descriptors.file_of("inference.ModelInferRequest.InferInputTensor").is_some());
        assert!(descriptors.file_of("inference.GRPCInferenceService.ModelInfer").is_some());
        assert!(descriptors.file_of("inference.Nope").is_none());
    }

    #[test]
    fn messages_and_enums_are_found_by_their_full_names() {
        let descriptors = Descriptors::get();
        let policy = "tensorflow.serving.FileSystemStoragePathSourceConfig.ServableVersionPolicy";
        let message = descriptors.message(policy).unwrap();
        let kinds: Vec<_> = message.fields.iter().map(|field| descriptors.kind_of(field, policy)).collect();
        assert!(
            matches!(&kinds[0], FieldKind::Message(name) if *name == format!("{policy}.Latest")),
            "names are looked for in the message first"
        );
        assert!(descriptors.enumeration("tensorflow.serving.ModelType").is_some());
        assert!(descriptors.enumeration("tensorflow.serving.ModelVersionStatus.State").is_some());
        assert!(descriptors.message("tensorflow.serving.ModelType").is_none());
        assert!(descriptors.message("tensorflow.serving").is_none());
    }
}
