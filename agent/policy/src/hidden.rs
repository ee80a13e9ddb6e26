//! From the columns that a subject may not see to the masks of a result, by where they flow.

use model::{Derivation, MaskFunction, MaskedColumn, Masks, Output, Outputs, Place};

use crate::plan::Otherwise;

/// What a subject may not see of a statement.
#[derive(Default)]
pub(crate) struct Hidden {
    columns: Vec<MaskedColumn>,
    /// Columns of which not even a statistic over so many values may be seen.
    statistics: Vec<(MaskedColumn, u64)>,
    /// Columns that no error may tell.
    told: Vec<MaskedColumn>,
}

impl Hidden {
    /// What a question means that was answered by no.
    pub fn add(&mut self, otherwise: &Otherwise) {
        match otherwise {
            Otherwise::Mask(column) => push(&mut self.columns, column),
            Otherwise::MaskStatistic(column, least) => {
                self.statistics.push((column.clone(), *least));
            }
            Otherwise::Withhold(column) => push(&mut self.told, column),
            Otherwise::Refuse { .. } => {}
        }
    }

    /// The masks of these outputs. Where there are none, as of a request that was recorded, the columns have no place.
    pub fn masks(self, outputs: &[Outputs]) -> Masks {
        if outputs.is_empty() {
            return Masks {
                shown: self.columns.into(),
                told: self.told.into(),
            };
        }
        let mut shown: Vec<MaskedColumn> = Vec::new();
        for (statement, outputs) in outputs.iter().enumerate() {
            for (output, column) in outputs.columns().iter().enumerate() {
                let place = Some(Place { statement, output });
                shown.extend(self.of(column).map(|mask| MaskedColumn { place, ..mask }));
            }
        }
        // What is hidden and in no output was read for something that may fail.
        let mut told = self.told;
        let is_secret =
            |column: &&MaskedColumn| !matches!(column.function, MaskFunction::Detect(_));
        for column in self.columns.iter().filter(is_secret) {
            if !shown.iter().any(|mask| is_same(mask, column)) {
                push(&mut told, column);
            }
        }
        Masks {
            shown: shown.into(),
            told: told.into(),
        }
    }

    /// What is hidden of an output, all under one function.
    fn of(&self, output: &Output) -> impl Iterator<Item = MaskedColumn> {
        let hidden: Vec<&MaskedColumn> = match output.how {
            Derivation::Aggregated(least) => {
                let statistics = self.statistics.iter();
                let of_it = statistics.filter(move |(_, other)| *other == least);
                let columns = of_it.map(|(column, _)| column);
                columns.filter(|column| flows(column, output)).collect()
            }
            Derivation::Plain | Derivation::Computed => {
                let columns = self.columns.iter();
                columns.filter(|column| flows(column, output)).collect()
            }
        };
        let function = function(output.how, &hidden);
        let hidden: Vec<MaskedColumn> = hidden.into_iter().cloned().collect();
        hidden.into_iter().map(move |column| MaskedColumn {
            function: function.clone(),
            ..column
        })
    }
}

/// A class's own function is for the values of the class. Of what is computed from them even whether it is NULL may tell
/// something.
fn function(how: Derivation, hidden: &[&MaskedColumn]) -> MaskFunction {
    let mut functions = hidden.iter().map(|column| &column.function);
    match (how, functions.next()) {
        (Derivation::Plain, Some(first)) if functions.all(|other| other == first) => first.clone(),
        // What is found in a column is found in what is made of it, too, as far as it is still there.
        (Derivation::Computed, Some(first @ MaskFunction::Detect(_)))
            if functions.all(|other| other == first) =>
        {
            first.clone()
        }
        _ => MaskFunction::Null,
    }
}

fn flows(column: &MaskedColumn, output: &Output) -> bool {
    let is_it = |relation: Option<u32>, number: Option<i16>| {
        (relation, number) == (Some(column.table), Some(column.column))
    };
    let mut from = output.from.iter();
    from.any(|base| is_it(base.relation.oid, base.column.number))
}

fn is_same(one: &MaskedColumn, other: &MaskedColumn) -> bool {
    (one.table, one.column) == (other.table, other.column)
}

fn push(columns: &mut Vec<MaskedColumn>, column: &MaskedColumn) {
    if !columns.iter().any(|other| is_same(other, column)) {
        columns.push(column.clone());
    }
}

#[cfg(test)]
mod tests {
    use model::{BaseColumn, Column, Relation};

    use super::*;

    fn column(number: i16, function: MaskFunction) -> MaskedColumn {
        MaskedColumn {
            place: None,
            table: 7,
            column: number,
            name: format!("public.t.c{number}").into(),
            class: "pii".into(),
            function,
        }
    }

    fn output(numbers: &[i16], how: Derivation) -> Output {
        let base = |number: &i16| BaseColumn {
            relation: Relation {
                schema: "public".into(),
                name: "t".into(),
                oid: Some(7),
            },
            column: Column {
                name: format!("c{number}").into(),
                number: Some(*number),
            },
        };
        Output {
            name: "x".into(),
            from: numbers.iter().map(base).collect(),
            how,
            like: None,
        }
    }

    /// Place and function of each mask.
    fn shown(hidden: &[Otherwise], outputs: &[Outputs]) -> Vec<(usize, usize, MaskFunction)> {
        let mut all = Hidden::default();
        hidden.iter().for_each(|otherwise| all.add(otherwise));
        let masks = all.masks(outputs);
        let shown = masks.shown.iter().map(|mask| {
            let place = mask.place.unwrap();
            (place.statement, place.output, mask.function.clone())
        });
        shown.collect()
    }

    #[test]
    fn a_column_is_masked_wherever_it_flows() {
        let hidden = [
            Otherwise::Mask(column(1, MaskFunction::Email)),
            Otherwise::Mask(column(2, MaskFunction::Redact)),
        ];
        let first = vec![
            output(&[3], Derivation::Plain),
            output(&[1, 3], Derivation::Plain),
            output(&[1, 2], Derivation::Plain),
        ];
        let second = vec![output(&[2], Derivation::Computed)];
        let outputs = [
            Outputs::Known(first),
            Outputs::Unknown,
            Outputs::Known(second),
        ];
        assert_eq!(
            shown(&hidden, &outputs),
            [
                (0, 1, MaskFunction::Email),
                (0, 2, MaskFunction::Null),
                (0, 2, MaskFunction::Null),
                (2, 0, MaskFunction::Null),
            ]
        );
    }

    #[test]
    fn a_statistic_is_masked_where_nobody_permits_one_of_that_size() {
        let ssn = || column(1, MaskFunction::Redact);
        let outputs = [Outputs::Known(vec![
            output(&[1], Derivation::Aggregated(10)),
            output(&[1], Derivation::Aggregated(5)),
        ])];
        let hidden = [Otherwise::Mask(ssn()), Otherwise::MaskStatistic(ssn(), 5)];
        assert_eq!(shown(&hidden, &outputs), [(0, 1, MaskFunction::Null)]);
    }

    #[test]
    fn what_is_hidden_and_not_shown_is_withheld_from_errors() {
        let mut hidden = Hidden::default();
        hidden.add(&Otherwise::Mask(column(1, MaskFunction::Redact)));
        let outputs = [Outputs::Known(vec![output(&[2], Derivation::Plain)])];
        let masks = hidden.masks(&outputs);
        assert_eq!((masks.shown.len(), masks.told.len()), (0, 1));
    }
}
