//! Five recommenders as their authors published them, on rows with empty cells.

use crate::cases::{engine, shared, unpacked};
use crate::compared::near;
use crate::folder::Folder;
use landfall_model::{Call, DType, Engine, Input, InputSpec, NullRule, Options, Outputs};
use landfall_tables::{TableInput, read_columns};

/// Model, and the array of the golden file.
const MODELS: [(&str, &str); 5] = [
    ("MLPRec/002", "MLPRec_002"),
    ("MLPRec/004", "MLPRec_004"),
    ("MLPRec/005", "MLPRec_005"),
    ("neuralcf/001", "neuralcf_001"),
    ("neuralcf/002", "neuralcf_002"),
];

#[test]
fn the_recommenders_answer_as_they_were_recorded() {
    let Some(engine) = engine() else { return };
    let Some(models) = unpacked("data/movielens/models.tar.xz", "movielens") else { return };
    let rows = shared("data/movielens/testSamples.first200.csv").unwrap();
    let golden = shared("data/movielens/golden.npz").unwrap();
    let specs = MODELS.map(|(_, array)| InputSpec::new(array, DType::F32, None)).to_vec();
    let golden = read_columns(TableInput::file(golden), specs).unwrap();
    for ((name, _), golden) in MODELS.iter().zip(golden) {
        let root = ["", "models"].map(|under| models.join(under).join(name)).into_iter();
        let path = root.into_iter().find(|path| path.exists()).unwrap();
        let model = engine.load(&Folder::open(&path), &Options::new()).unwrap();
        let names: Vec<&str> = model.signatures().iter().map(|signature| signature.name()).collect();
        assert_eq!(names, ["serving_default"], "{name}: nothing but what can be called");
        let signature = model.signatures()[0].clone();
        let mut inputs = signature.inputs().to_vec();
        inputs.iter_mut().for_each(|input| input.null = NullRule::Zero);
        let rows = read_columns(TableInput::file(rows.clone()), inputs).unwrap();
        let rows = rows.into_iter().zip(signature.inputs()).map(|(tensor, spec)| {
            // A table's column is [n] or [n, 1]; the model's declared rank is what is sent.
            let (tensor, rank) = (tensor.unwrap(), spec.dims.as_ref().unwrap().len());
            let count = tensor.len();
            let shape = [count].into_iter().chain((1..rank).map(|_| 1)).collect();
            Some(Input::Dense(tensor.reshaped(shape).unwrap()))
        });
        let call = Call::checked(signature.clone(), rows, signature.default_outputs().clone()).unwrap();
        let mut outputs = Outputs::new();
        model.instance().unwrap().run(&call, &mut outputs).unwrap();
        let found = outputs.get(0).unwrap();
        near(found, &golden.unwrap(), (1e-5, 1e-5)).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}
