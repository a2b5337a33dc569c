//! Several signatures of one model called as one: what they have in common runs once.

use crate::{DType, InputSpec, Method, OutputSpec, RowRule, Signature, Slot};
use std::sync::Arc;

/// The signatures of a model that take one input of texts, as one signature over all their inputs and outputs.
///
/// Inputs that are one tensor of the model's graph are one input, named by that tensor. Outputs keep their order, those of
/// one member after those of the member before it, and are named `MEMBER/OUTPUT`.
#[derive(Clone, Debug)]
pub struct Joint {
    signature: Arc<Signature>,
    members: Vec<Member>,
}

/// Where a signature's input and outputs stand in the joint one.
#[derive(Clone, Debug)]
pub struct Member {
    name: String,
    /// Its input.
    pub slot: Slot,
    /// The first of its outputs.
    pub first: usize,
}

impl Joint {
    /// Of those of a model's signatures that go together; `None` where fewer than two do.
    pub fn of(signatures: &[Arc<Signature>]) -> Option<Joint> {
        let one_text = |signature: &&Arc<Signature>| match signature.inputs() {
            [input] => input.dtype == DType::String && !input.tensor.is_empty(),
            _ => false,
        };
        let together: Vec<&Arc<Signature>> = signatures.iter().filter(one_text).collect();
        let (first, others) = together.split_first().filter(|(_, others)| !others.is_empty())?;
        let (mut inputs, mut outputs, mut members) = (Vec::new(), Vec::new(), Vec::new());
        for signature in &together {
            let input = &signature.inputs()[0];
            let known = inputs.iter().position(|known: &InputSpec| known.tensor == input.tensor);
            let slot = known.unwrap_or(inputs.len());
            if known.is_none() {
                inputs.push(InputSpec { name: input.tensor.clone(), ..input.clone() });
            }
            let name = signature.name().to_owned();
            members.push(Member { name, slot, first: outputs.len() });
            outputs.extend(signature.outputs().iter().map(|output| OutputSpec {
                name: format!("{}/{}", signature.name(), output.name),
                ..output.clone()
            }));
        }
        // A call feeds the inputs of the members that it asks, and no others.
        let several = inputs.len() > 1;
        inputs.iter_mut().for_each(|input| input.optional |= several);
        let alike = others.iter().all(|other| other.rows() == first.rows());
        let rows = if alike { first.rows().clone() } else { RowRule::None };
        let name = name_beside(signatures, &members);
        let signature = Signature::new(name, Method::Predict, inputs, outputs, rows, first.shapes()).ok()?;
        Some(Joint { signature: signature.shared(), members })
    }

    /// The signature over all of them.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// Where the signature of this name stands; `None` where it is not among them.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// A name that no signature of the model has.
fn name_beside(signatures: &[Arc<Signature>], members: &[Member]) -> String {
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let mut name = names.join("+");
    while signatures.iter().any(|signature| signature.name() == name) {
        name.push('+');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dim, ShapeRule};

    fn signature(name: &str, tensor: &str, dtype: DType, outputs: &[&str], rows: RowRule) -> Arc<Signature> {
        let mut input = InputSpec::new("inputs", dtype, Some(vec![Dim::Free(None)]));
        input.tensor = tensor.to_owned();
        let outputs = outputs.iter().map(|name| OutputSpec::new(*name, DType::F32, None)).collect();
        let made = Signature::new(name, Method::Predict, vec![input], outputs, rows, ShapeRule::AsSent);
        made.unwrap().shared()
    }

    fn texts(name: &str, tensor: &str, outputs: &[&str]) -> Arc<Signature> {
        signature(name, tensor, DType::String, outputs, RowRule::Independent)
    }

    #[test]
    fn signatures_over_one_tensor_have_one_input_and_all_outputs() {
        let numbers = signature("numbers", "x:0", DType::F32, &["y"], RowRule::Independent);
        let all = [texts("a", "e:0", &["classes", "scores"]), numbers, texts("b", "e:0", &["scores"])];
        let joint = Joint::of(&all).unwrap();
        let (inputs, outputs) = (joint.signature().inputs(), joint.signature().outputs());
        assert_eq!((inputs.len(), &*inputs[0].name, inputs[0].optional), (1, "e:0", false));
        let names: Vec<&str> = outputs.iter().map(|output| &*output.name).collect();
        assert_eq!(names, ["a/classes", "a/scores", "b/scores"]);
        let place = |name: &str| joint.member(name).map(|member| (member.slot, member.first));
        assert_eq!([place("a"), place("b"), place("numbers")], [Some((0, 0)), Some((0, 2)), None]);
        assert_eq!(*joint.signature().rows(), RowRule::Independent);
    }

    #[test]
    fn signatures_over_several_tensors_leave_out_what_they_do_not_ask() {
        let changing = signature("b", "f:0", DType::String, &["y"], RowRule::None);
        let joint = Joint::of(&[texts("a", "e:0", &["y"]), changing]).unwrap();
        assert!(joint.signature().inputs().iter().all(|input| input.optional));
        assert_eq!(joint.member("b").map(|member| (member.slot, member.first)), Some((1, 1)));
        assert_eq!(
            *joint.signature().rows(),
            RowRule::None,
            "what holds for one member alone holds for none"
        );
    }

    #[test]
    fn one_signature_alone_goes_with_no_other_and_no_name_is_taken_twice() {
        assert!(Joint::of(&[texts("a", "e:0", &["y"])]).is_none());
        let all = [texts("a", "e:0", &["y"]), texts("b", "e:0", &["y"]), texts("a+b", "", &["y"])];
        assert_eq!(Joint::of(&all).unwrap().signature().name(), "a+b+");
    }
}
