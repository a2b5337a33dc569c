//! A model whose signatures run on ONNX as far as they were converted, and on the original else.

use landfall_model::{Call, Facts, Instance, Model, Outputs, Problem, Signature};
use std::sync::Arc;

/// A model of several.
pub(super) struct Preferred {
    /// What runs signatures that were not converted; `None` where all were: it is not kept in memory for nothing.
    original: Option<Arc<dyn Model>>,
    /// What runs each signature instead.
    converted: Vec<Option<Arc<dyn Model>>>,
    signatures: Vec<Arc<Signature>>,
    facts: Facts,
}

impl Preferred {
    /// `converted` stands beside the original's signatures, in their order; `notes` say what was done.
    ///
    /// # Errors
    /// When a converted model's inputs or outputs are none.
    pub(super) fn new(
        original: Arc<dyn Model>,
        converted: Vec<Option<Arc<dyn Model>>>,
        notes: Vec<String>,
    ) -> Result<Self, Problem> {
        let mut signatures = original.signatures().to_vec();
        for (signature, model) in signatures.iter_mut().zip(&converted) {
            let Some(own) = model.as_ref().and_then(|model| model.signatures().first()) else { continue };
            let (inputs, mut outputs) = (own.inputs().to_vec(), own.outputs().to_vec());
            // It stays a signature of the graph that declared it, also to who asks by its rules.
            for output in &mut outputs {
                let declared = signature.outputs().iter().find(|declared| declared.name == output.name);
                output.tensor = declared.map_or_else(String::new, |declared| declared.tensor.clone());
            }
            let (rows, shapes) = (own.rows().clone(), own.shapes());
            let method = signature.method().clone();
            *signature = Signature::new(signature.name(), method, inputs, outputs, rows, shapes)?.shared();
        }
        let (of_original, default) = (original.facts(), converted.first().cloned().flatten());
        let mut facts = match default {
            Some(onnx) => {
                Facts { format: of_original.format, declared: of_original.declared, ..onnx.facts() }
            }
            None => of_original,
        };
        facts.notes.extend(notes);
        let original = Some(original).filter(|_| converted.iter().any(Option::is_none));
        Ok(Preferred { original, converted, signatures, facts })
    }

    /// What runs the signature at this place.
    fn of(&self, place: usize) -> Option<&Arc<dyn Model>> {
        self.converted.get(place).and_then(Option::as_ref).or(self.original.as_ref())
    }
}

impl Model for Preferred {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        let models: Vec<Arc<dyn Model>> =
            (0..self.signatures.len()).filter_map(|place| self.of(place).cloned()).collect();
        let first = models.first().ok_or_else(|| Problem::internal("a model of nothing"))?;
        if models.iter().all(|model| Arc::ptr_eq(model, first)) {
            return first.instance();
        }
        let names = self.signatures.iter().map(|signature| signature.name().to_owned());
        let mut parts: Vec<Part> =
            names.zip(models).map(|(name, model)| Part { name, model, instance: None }).collect();
        if let Some(default) = parts.first_mut() {
            default.instance = Some(default.model.instance()?);
        }
        Ok(Box::new(PreferredInstance { parts }))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn verify(&self) -> Result<usize, Problem> {
        self.original.as_ref().map_or(Ok(0), |original| original.verify())
    }
}

/// A workspace for each signature.
struct PreferredInstance {
    parts: Vec<Part>,
}

struct Part {
    name: String,
    model: Arc<dyn Model>,
    /// Made when the signature is called for the first time; that of the default one is there.
    instance: Option<Box<dyn Instance>>,
}

impl Instance for PreferredInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let name = call.signature().name();
        let part = self.parts.iter_mut().find(|part| part.name == name);
        let part = part.ok_or_else(|| Problem::internal("no workspace for this signature"))?;
        if part.instance.is_none() {
            part.instance = Some(part.model.instance()?);
        }
        match &mut part.instance {
            Some(instance) => instance.run(call, outputs),
            None => Err(Problem::internal("no workspace for this signature")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{
        DType, DeclaredSignature, Described, Input, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Tensor,
    };

    /// Answers its own number, under each of its signatures.
    struct Fake(f32, Vec<Arc<Signature>>);
    struct FakeInstance(f32);

    fn model(number: f32, signatures: &[&str]) -> Arc<dyn Model> {
        let one = |name: &&str| {
            let mut output = OutputSpec::new("y", DType::F32, None);
            output.tensor = format!("{name}:0");
            let (inputs, outputs) = (vec![InputSpec::new("x", DType::F32, None)], vec![output]);
            let (rows, shapes) = (RowRule::None, ShapeRule::AsSent);
            Signature::new(*name, Method::Predict, inputs, outputs, rows, shapes).unwrap().shared()
        };
        Arc::new(Fake(number, signatures.iter().map(one).collect()))
    }

    impl Model for Fake {
        fn signatures(&self) -> &[Arc<Signature>] {
            &self.1
        }

        fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
            Ok(Box::new(FakeInstance(self.0)))
        }

        fn facts(&self) -> Facts {
            let (name, fields) = (self.1[0].name().to_owned(), Described::Fields(Vec::new()));
            let declared = vec![DeclaredSignature { name, message: Vec::new(), fields }];
            Facts { engine: "fake", declared, ..Facts::default() }
        }
    }

    impl Instance for FakeInstance {
        fn run(&mut self, _: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
            outputs.set(0, Tensor::from_slice(&[1], &[self.0])?);
            Ok(())
        }
    }

    fn answers(model: &Preferred) -> Vec<f32> {
        let mut instance = model.instance().unwrap();
        let mut answer = |signature: &Arc<Signature>| {
            let x = Input::Dense(Tensor::from_slice(&[1], &[0f32]).unwrap());
            let wanted = signature.default_outputs().clone();
            let call = Call::checked(signature.clone(), [Some(x)], wanted).unwrap();
            let mut outputs = Outputs::new();
            instance.run(&call, &mut outputs).unwrap();
            outputs.get(0).unwrap().values::<f32>().unwrap()[0]
        };
        model.signatures().iter().map(&mut answer).collect()
    }

    #[test]
    fn each_signature_runs_where_it_was_converted_to_and_the_original_goes_with_the_last_one() {
        let original = model(1.0, &["a", "b", "c"]);
        let gone = Arc::downgrade(&original);
        let onnx = model(2.0, &["onnx"]);
        let converted = vec![Some(onnx.clone()), None, Some(model(3.0, &["onnx"]))];
        let some = Preferred::new(original.clone(), converted, vec!["why".into()]).unwrap();
        assert_eq!(answers(&some), [2.0, 1.0, 3.0]);
        assert_eq!(some.facts().notes, ["why"]);
        assert_eq!(some.facts().declared[0].name, "a", "protocols list what the original's file declares");
        drop(some);

        let all = Preferred::new(original, vec![Some(onnx.clone()), Some(onnx.clone()), Some(onnx)], vec![]);
        let all = all.unwrap();
        assert!(gone.upgrade().is_none(), "nothing needs it");
        assert_eq!(answers(&all), [2.0, 2.0, 2.0]);
        assert_eq!(all.signatures()[1].name(), "b");
        assert_eq!(all.signatures()[1].outputs()[0].tensor, "b:0", "the graph's own tensor");
    }
}
