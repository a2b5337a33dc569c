//! Bodies for fuzzers: plain functions over bytes that must neither panic nor take memory by a declared size.

use landfall_model::{Call, DType, Input, Model, Outputs, Shape, Tensor, TensorMut, Wanted};

/// Reads bytes as a document; what loads is run over rows of small values.
pub fn document(bytes: &[u8]) {
    let Ok(model) = crate::engine::load(bytes, "fuzz.pmml") else { return };
    let _verified = model.verify();
    let signature = model.signatures()[0].clone();
    let mut inputs = Vec::new();
    for spec in signature.inputs() {
        let mut tensor = TensorMut::new(spec.dtype);
        tensor.push_invalid(b"x");
        if tensor.push_missing(&landfall_model::NullRule::Accept, &spec.name, 1).is_err() {
            return;
        }
        // As many rows as go together over columns.
        let zero = |row| tensor.push_missing(&landfall_model::NullRule::Zero, &spec.name, row);
        let zeros: Result<(), _> = (2..6).try_for_each(zero);
        let Ok(tensor) = zeros.and_then(|()| tensor.freeze(Shape::new(&[6]))) else { return };
        inputs.push(Some(tensor));
    }
    run(model.as_ref(), inputs);
}

/// Reads bytes as a table that lies beside a document.
pub fn located(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _rows = crate::read::table::of_lines(text);
    }
}

/// Runs rows of foreign values through a document that looks at each in all the ways it knows: a line for each row, its
/// cells between tabs.
pub fn values(bytes: &[u8]) {
    let Ok(model) = crate::engine::load(VALUES.as_bytes(), "fuzz.pmml") else { return };
    let rows: Vec<Vec<&[u8]>> = bytes
        .split(|byte| *byte == b'\n')
        .take(64)
        .map(|row| row.split(|byte| *byte == b'\t').collect())
        .collect();
    let signature = model.signatures()[0].clone();
    let mut inputs = Vec::new();
    for (place, spec) in signature.inputs().iter().enumerate() {
        let mut tensor = TensorMut::new(spec.dtype);
        for row in &rows {
            let cell = row.get(place).copied().unwrap_or_default();
            match (spec.dtype, cell.first_chunk::<8>()) {
                // Any bits are a number, among them infinities and what is none.
                (DType::F64, Some(bits)) => tensor.push(f64::from_le_bytes(*bits)),
                (DType::String, _) if std::str::from_utf8(cell).is_ok() => tensor.push_str(cell),
                _ => tensor.push_invalid(cell),
            }
        }
        let Ok(tensor) = tensor.freeze(Shape::new(&[rows.len()])) else { return };
        inputs.push(Some(tensor));
    }
    run(model.as_ref(), inputs);
}

fn run(model: &dyn Model, inputs: Vec<Option<Tensor>>) {
    let signature = model.signatures()[0].clone();
    let wanted: Wanted = (0..signature.outputs().len()).collect();
    let inputs: Vec<Option<Input>> = inputs.into_iter().map(|tensor| tensor.map(Input::Dense)).collect();
    let Ok(call) = Call::checked(signature, inputs, wanted) else { return };
    if let Ok(mut instance) = model.instance() {
        let _outcome = instance.run(&call, &mut Outputs::new());
    }
}

/// Fields of several types, and functions that look closely at them.
const VALUES: &str = r#"<PMML version="4.4"><Header/><DataDictionary>
<DataField name="x" optype="continuous" dataType="double"/>
<DataField name="n" optype="continuous" dataType="integer"/>
<DataField name="t" optype="categorical" dataType="string"/>
<DataField name="d" optype="ordinal" dataType="date"/>
<DataField name="m" optype="ordinal" dataType="dateTime"/>
<DataField name="h" optype="ordinal" dataType="time"/>
<DataField name="p" optype="categorical" dataType="string"/>
</DataDictionary><RegressionModel functionName="regression"><MiningSchema>
<MiningField name="x" invalidValueTreatment="asMissing"/><MiningField name="n" invalidValueTreatment="asMissing"/>
<MiningField name="t" invalidValueTreatment="asMissing"/><MiningField name="d" invalidValueTreatment="asMissing"/>
<MiningField name="m" invalidValueTreatment="asMissing"/><MiningField name="h" invalidValueTreatment="asMissing"/>
<MiningField name="p" invalidValueTreatment="asMissing"/></MiningSchema><Output>
<OutputField name="o1" feature="transformedValue"><Apply function="substring"><FieldRef field="t"/><FieldRef field="n"/>
<FieldRef field="x"/></Apply></OutputField>
<OutputField name="o2" feature="transformedValue"><Apply function="matches" invalidValueTreatment="asMissing">
<FieldRef field="t"/><FieldRef field="p"/></Apply></OutputField>
<OutputField name="o3" feature="transformedValue"><Apply function="replace" invalidValueTreatment="asMissing">
<FieldRef field="t"/><FieldRef field="p"/><FieldRef field="t"/></Apply></OutputField>
<OutputField name="o4" feature="transformedValue"><Apply function="formatNumber" invalidValueTreatment="asMissing">
<FieldRef field="x"/><FieldRef field="p"/></Apply></OutputField>
<OutputField name="o5" feature="transformedValue"><Apply function="formatDatetime" invalidValueTreatment="asMissing">
<FieldRef field="m"/><FieldRef field="p"/></Apply></OutputField>
<OutputField name="o6" feature="transformedValue"><Apply function="dateDaysSinceYear" invalidValueTreatment="asMissing">
<FieldRef field="d"/><FieldRef field="n"/></Apply></OutputField>
<OutputField name="o7" feature="transformedValue"><Apply function="dateSecondsSinceMidnight"
invalidValueTreatment="asMissing"><FieldRef field="h"/></Apply></OutputField>
<OutputField name="o8" feature="transformedValue"><TextIndex textField="t" maxLevenshteinDistance="2"><FieldRef field="p"/>
</TextIndex></OutputField>
<OutputField name="o9" feature="transformedValue"><Apply function="normalIDF" invalidValueTreatment="asMissing">
<FieldRef field="x"/><FieldRef field="n"/><FieldRef field="x"/></Apply></OutputField>
</Output><RegressionTable intercept="0"><NumericPredictor name="x" coefficient="1"/></RegressionTable></RegressionModel></PMML>"#;

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_of_values_loads_and_answers_all_its_fields() {
        let model =
            crate::engine::load(super::VALUES.as_bytes(), "m").map(|model| model.signatures()[0].clone());
        assert_eq!(model.map(|signature| signature.outputs().len()).ok(), Some(9));
    }
}
