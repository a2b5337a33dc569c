//! A call's input as the row-major matrix that trees look at, missing values being NaN.

use crate::features::{Categories, Derive, Feature, RowRules, Unseen};
use landfall_forest::Real;
use landfall_model::{Bitmap, Csr, DType, Element, Input, Kind, Problem, Reason, Tensor};

/// A matrix under construction, kept between calls.
#[derive(Debug, Default)]
pub(crate) struct Matrix<X> {
    values: Vec<X>,
    /// What categories are known by, of each row, where columns are derived of them.
    categories: Vec<u32>,
}

/// A row that cannot be answered.
pub(crate) type BadRows = Vec<(usize, Problem)>;

impl<X: Real + Element> Matrix<X> {
    /// The matrix of a call of the signature with `features`. Uses the tensor itself where no value changes.
    ///
    /// # Errors
    /// Invalid argument, naming column and row.
    pub(crate) fn of_matrix<'a>(
        &'a mut self,
        input: &'a Input,
        features: &[Feature],
        rules: &RowRules<X>,
    ) -> Result<&'a [X], Problem> {
        let width = features.len();
        match input {
            Input::Dense(tensor) => {
                let values = tensor.values::<X>()?;
                if tensor.missing().is_none() && !rules.change(values) {
                    return Ok(values);
                }
                self.values.clear();
                self.values.extend_from_slice(values);
                for element in tensor.missing().into_iter().flat_map(Bitmap::ones) {
                    self.values[element] = X::NAN;
                }
            }
            Input::Columns(columns) => {
                self.reset(input.rows().unwrap_or(0), width, X::NAN)?;
                for (place, (column, feature)) in columns.iter().zip(features).enumerate() {
                    let column = column.as_ref().ok_or_else(|| missing_columns(columns, features))?;
                    self.set_numbers(place, width, column, &feature.name)?;
                }
            }
            Input::Csr(csr) => self.set_sparse(csr, width, rules.absent)?,
            Input::Ragged(_) => return Err(Problem::internal("rows of unequal length came to a tree model")),
        }
        rules.apply(&mut self.values);
        Ok(&self.values)
    }

    /// The matrix of a call of the signature with a slot for each column, and the rows with an unknown category.
    ///
    /// # Errors
    /// Invalid argument, naming column and row.
    pub(crate) fn of_columns<'a>(
        &'a mut self,
        inputs: &[Option<Input>],
        rows: usize,
        features: &[Feature],
        derived: Option<&dyn Derive<X>>,
        rules: &RowRules<X>,
        bad: &mut BadRows,
    ) -> Result<&'a [X], Problem> {
        let width = features.len() + derived.map_or(0, |derived| derived.columns());
        self.reset(rows, width, X::NAN)?;
        if let Some(derived) = derived {
            self.categories.clear();
            self.categories.resize(rows * derived.categories(), 0);
        }
        let mut slot = 0;
        for (place, (input, feature)) in inputs.iter().zip(features).enumerate() {
            let column = input.as_ref().and_then(Input::dense);
            let column = column.ok_or_else(|| Problem::internal("a column did not come as an array"))?;
            match &feature.categories {
                None => self.set_numbers(place, width, column, &feature.name)?,
                Some(Categories::Hashed) => {
                    let derived =
                        derived.ok_or_else(|| Problem::internal("nothing is derived of a category"))?;
                    self.set_hashed(derived, slot, column)?;
                    slot += 1;
                }
                Some(categories) => {
                    self.set_categories(place, width, column, feature, categories, rules.unseen, bad)?;
                }
            }
        }
        // A code is never the value that means missing, nor tiny.
        rules.apply_but_categories(&mut self.values, features);
        if let Some(derived) = derived {
            for (row, values) in self.values.chunks_exact_mut(width.max(1)).enumerate() {
                let categories = &self.categories[row * derived.categories()..][..derived.categories()];
                derived.fill(values, categories);
            }
        }
        Ok(&self.values)
    }

    fn reset(&mut self, rows: usize, width: usize, value: X) -> Result<(), Problem> {
        let elements = rows.checked_mul(width).filter(|&n| n <= isize::MAX as usize / size_of::<X>());
        let too_many =
            || Problem::worded(Kind::ResourceExhausted, format!("no memory for {rows} rows of {width}"));
        let elements = elements.ok_or_else(too_many)?;
        self.values.clear();
        self.values.try_reserve(elements).map_err(|_| too_many())?;
        self.values.resize(elements, value);
        Ok(())
    }

    fn set_numbers(
        &mut self,
        place: usize,
        width: usize,
        column: &Tensor,
        name: &str,
    ) -> Result<(), Problem> {
        let rows = self.values.len().checked_div(width).unwrap_or(0);
        if column.len() != rows {
            let input = name.to_owned();
            return Err(Problem::new(Reason::RowsDiffer { input, expected: rows, found: column.len() }));
        }
        for_numbers(column, name, |row, value: X| self.values[row * width + place] = value)?;
        for row in column.missing().into_iter().flat_map(Bitmap::ones) {
            self.values[row * width + place] = X::NAN;
        }
        Ok(())
    }

    /// Takes a column of categories in: any text is one, and what is missing is the empty one.
    fn set_hashed(&mut self, derived: &dyn Derive<X>, slot: usize, column: &Tensor) -> Result<(), Problem> {
        let (strings, step) = (column.strings()?, derived.categories());
        for row in 0..column.len() {
            let text = if column.is_missing(row) { &[] } else { strings.get(row) };
            self.categories[row * step + slot] = derived.category(text);
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one column, its place, its feature and what is unknown in it"
    )]
    fn set_categories(
        &mut self,
        place: usize,
        width: usize,
        column: &Tensor,
        feature: &Feature,
        categories: &Categories,
        unseen: Unseen,
        bad: &mut BadRows,
    ) -> Result<(), Problem> {
        for row in 0..column.len() {
            let code = if column.is_missing(row) {
                continue;
            } else if categories.are_names() {
                let name = column.strings()?.get(row);
                match categories.of_name(name) {
                    // An empty text is missing, unless the model was trained with a category of that name.
                    None if name.is_empty() => continue,
                    code => code,
                }
            } else {
                let number = column.values::<f64>()?[row];
                if number.is_nan() {
                    continue;
                }
                categories.of_number(number)
            };
            match code {
                Some(code) => self.values[row * width + place] = X::of(f64::from(code)),
                None if unseen == Unseen::Missing => {}
                None => bad.push((row, unknown_category(feature, row, column))),
            }
        }
        Ok(())
    }

    fn set_sparse(&mut self, csr: &Csr, width: usize, absent: X) -> Result<(), Problem> {
        let starts = csr.indptr.values::<i64>()?;
        let columns = csr.indices.values::<i64>()?;
        let wrong = |what: String| Err(Problem::invalid(format!("sparse rows: {what}")));
        let ascends = starts.windows(2).all(|pair| pair[0] <= pair[1]);
        if columns.len() != csr.data.len()
            || starts.first() != Some(&0)
            || starts.last() != Some(&(columns.len() as i64))
            || !ascends
        {
            return wrong(format!("indptr must ascend from 0 to {}", columns.len()));
        }
        if let Some(column) = columns.iter().find(|column| !(0..width as i64).contains(column)) {
            return wrong(format!("column {column}, the model has {width}"));
        }
        self.reset(starts.len() - 1, width, absent)?;
        let mut row = 0;
        for_numbers(&csr.data, "features.data", |element, value: X| {
            while element as i64 >= starts[row + 1] {
                row += 1;
            }
            let value = if csr.data.is_missing(element) { X::NAN } else { value };
            self.values[row * width + columns[element] as usize] = value;
        })
    }
}

impl<X: Real> RowRules<X> {
    fn apply_but_categories(&self, values: &mut [X], features: &[Feature]) {
        if self.keep_values() {
            return;
        }
        for row in values.chunks_exact_mut(features.len().max(1)) {
            for (value, feature) in row.iter_mut().zip(features) {
                if feature.categories.is_none() {
                    self.apply(std::slice::from_mut(value));
                }
            }
        }
    }
}

/// Gives each number of a column as the type that trees look at.
fn for_numbers<X: Real>(column: &Tensor, name: &str, mut set: impl FnMut(usize, X)) -> Result<(), Problem> {
    macro_rules! each {
        ($t:ty) => {{
            for (i, &value) in column.values::<$t>()?.iter().enumerate() {
                set(i, X::of(value as f64));
            }
        }};
    }
    match column.dtype() {
        DType::F32 => each!(f32),
        DType::F64 => each!(f64),
        DType::I32 => each!(i32),
        DType::I64 => each!(i64),
        DType::U8 => each!(u8),
        DType::I8 => each!(i8),
        DType::U16 => each!(u16),
        DType::I16 => each!(i16),
        DType::U32 => each!(u32),
        DType::U64 => each!(u64),
        DType::Bool => {
            column.bools()?.iter().enumerate().for_each(|(i, &b)| set(i, X::of(f64::from(b.min(1)))))
        }
        found => {
            let input = name.to_owned();
            return Err(Problem::new(Reason::WrongDType { input, expected: DType::F64, found }));
        }
    }
    Ok(())
}

fn missing_columns(columns: &[Option<Tensor>], features: &[Feature]) -> Problem {
    let names = |given: bool| {
        let pairs = columns.iter().zip(features).filter(|(column, _)| column.is_some() == given);
        pairs.map(|(_, feature)| feature.name.clone()).collect()
    };
    Problem::new(Reason::InputsMissing { missing: names(false), given: names(true) })
}

fn unknown_category(feature: &Feature, row: usize, column: &Tensor) -> Problem {
    let text = match column.strings() {
        Ok(strings) => String::from_utf8_lossy(strings.get(row)).into_owned(),
        Err(_) => column.scalar(row).to_string(),
    };
    let mut expected = "a category that the model knows".to_owned();
    if feature.categories.as_ref().is_some_and(Categories::lack_names) {
        // XGBoost 3.1 and 3.2 cut names that are not ASCII: see `xgboost::categories`.
        expected.push_str(
            " and whose name the file holds whole (it lacks parts of names: train with ASCII names)",
        );
    }
    Problem::new(Reason::ValueInvalid { input: feature.name.clone(), row, expected, text })
}
