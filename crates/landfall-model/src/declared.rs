//! Signatures in the words of a model's own file.

/// A signature as the file of a model declares it: protocols that have the same words list it as it is. Whether it can be
/// called, the model's [`Signature`](crate::Signature)s say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSignature {
    /// Its name.
    pub name: String,
    /// The serialised message (of SavedModels `tensorflow.SignatureDef`).
    pub message: Vec<u8>,
    /// The same message, field by field.
    pub fields: Described,
}

/// A message of protobuf, or a part of one, as its JSON form has it: numbers of 64 bits and those that are not finite are
/// texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// A text.
    Text(String),
    /// Bytes, which JSON holds in base64.
    Bytes(Vec<u8>),
    /// A number, by its digits.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Values of one field.
    List(Vec<Described>),
    /// Fields of a message, or entries of a map, by name.
    Fields(Vec<(String, Described)>),
}
