//! From records to the bodies of inserts.

use std::collections::HashMap;
use std::sync::Arc;

use longshore_api::{ConnectError, Origin, Part, Payload, Struct, Value};

use crate::binary::{Plan, Rules};
use crate::buffer::Entry;
use crate::config::{InsertFormat, Settings};
use crate::debezium::{self, Rows};
use crate::json;
use crate::table::Table;

/// An insert to be made: rows of one form.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) statement: String,
    pub(crate) rows: Vec<u8>,
    /// Which entries they are of, in their order.
    pub(crate) entries: Vec<usize>,
    /// Whether each of them is one row, so that a row's number is an entry's.
    pub(crate) is_row_by_row: bool,
    /// Whether the server would take its bytes for other values if the table were not as described.
    pub(crate) relies_on_description: bool,
}

/// A record that cannot become a row.
#[derive(Debug)]
pub(crate) struct Bad {
    /// Which entry.
    pub(crate) entry: usize,
    pub(crate) origin: Origin,
    pub(crate) error: ConnectError,
}

/// What became of records.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) bad: Vec<Bad>,
}

/// What a record's value asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Text,
    Binary(usize),
}

/// Makes rows for a table.
pub(crate) struct Encoder<'a> {
    settings: &'a Settings,
    table: &'a Arc<Table>,
    rules: Rules<'a>,
    /// The columns that JSON rows may name; `None` where the server passes over the others.
    known: Option<&'a Table>,
    /// Whether JSON is written anew in any case.
    rebuilds: bool,
    plans: Vec<Plan>,
    pieces: Vec<(Form, Piece)>,
    /// What change events become.
    rows: Rows,
    /// Memory for the first rows.
    spare: Vec<u8>,
    /// Bytes of the records to come, as Kafka holds them.
    expected: usize,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(settings: &'a Settings, table: &'a Arc<Table>, rebuilds: bool) -> Self {
        let rules = Rules {
            formats: &settings.formats,
            json_as_string: settings.json_as_string(),
            shows_values: settings.shows_values,
        };
        let cleans = settings.field_cleanup && !settings.server_skips_unknown();
        Self {
            settings,
            table,
            rules,
            known: cleans.then_some(&**table),
            rebuilds,
            plans: Vec::new(),
            pieces: Vec::new(),
            rows: Rows::default(),
            spare: Vec::new(),
            expected: 0,
        }
    }

    /// Writes into memory that was used before.
    pub(crate) fn reuse(mut self, spare: Vec<u8>) -> Self {
        self.spare = spare;
        self
    }

    /// Makes rows of entries, those of one form together.
    pub(crate) fn encode(mut self, entries: &[Entry], wanted: &[usize]) -> Encoded {
        let mut bad = Vec::new();
        let entry = |index: &usize| entries.get(*index);
        // A row of JSON is as long as its record, and ends its line.
        self.expected =
            wanted.iter().filter_map(entry).map(|entry| entry.record().raw_value().map_or(0, <[u8]>::len) + 1).sum();
        // What a schema lacks, every record of it lacks: it is found once.
        let mut misfits: HashMap<usize, ConnectError> = HashMap::new();
        for index in wanted {
            let Some(entry) = entries.get(*index) else { continue };
            if let Err((origin, error)) = self.add(*index, entry, &mut misfits) {
                bad.push(Bad { entry: *index, origin, error });
            }
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.retain(|(_, piece)| !piece.entries.is_empty());
        let pieces = pieces.into_iter().map(|(form, piece)| Piece {
            statement: self.statement(form),
            is_row_by_row: form != Form::Text,
            relies_on_description: matches!(form, Form::Binary(plan) if !self.plans[plan].says_types()),
            ..piece
        });
        Encoded { pieces: pieces.collect(), bad }
    }

    fn add(
        &mut self,
        index: usize,
        entry: &Entry,
        misfits: &mut HashMap<usize, ConnectError>,
    ) -> Result<(), (Origin, ConnectError)> {
        let sink = |error| (Origin::Sink, error);
        match entry.record().value() {
            Payload::Null => {}
            Payload::Json(bytes) => {
                if self.settings.takes_envelopes && debezium::is_plain_envelope(bytes) {
                    return Err(sink(debezium::no_schema()));
                }
                let (known, rebuilds) = (self.known, self.rebuilds);
                let rows = self.rows_of(Form::Json);
                let is_row = json::text(bytes, known, rebuilds, &mut rows.rows);
                if is_row.map_err(|error| (Origin::Converter(Part::Value), error))?.map_err(sink)? {
                    rows.entries.push(index);
                }
            }
            Payload::Text(text) => self.add_text(index, text).map_err(sink)?,
            Payload::Bytes(_) => return Err(sink(json::unexpected(&Value::Bytes(Vec::new().into())))),
            Payload::Data(data) => match &data.value {
                Value::Null => {}
                Value::Struct(event) if self.settings.takes_envelopes && debezium::is_envelope(&event.schema) => {
                    match self.rows.flatten(event) {
                        Some(row) => self.add_struct(index, &row, misfits).map_err(sink)?,
                        None => tracing::debug!("{} is a change event without a row", entry.place()),
                    }
                }
                Value::Struct(value) => self.add_struct(index, value, misfits).map_err(sink)?,
                Value::Map(map) if self.settings.takes_envelopes && debezium::has_states(map) => {
                    return Err(sink(debezium::no_schema()));
                }
                Value::Map(map) => {
                    let known = self.known;
                    let rows = self.rows_of(Form::Json);
                    json::object(map, known, &mut rows.rows);
                    rows.entries.push(index);
                }
                Value::String(text) => self.add_text(index, text).map_err(sink)?,
                other => return Err(sink(json::unexpected(other))),
            },
        }
        Ok(())
    }

    /// A text is one or more rows in the format that the user says.
    fn add_text(&mut self, index: usize, text: &str) -> Result<(), ConnectError> {
        if self.settings.insert_format == InsertFormat::None {
            let why = "using org.apache.kafka.connect.storage.StringConverter, but did not enable.";
            return Err(ConnectError::data(format!("{why} Set insertFormat to csv, tsv or json")));
        }
        if text.trim().is_empty() {
            return Ok(());
        }
        let rows = self.rows_of(Form::Text);
        rows.rows.extend_from_slice(text.as_bytes());
        if !text.ends_with('\n') {
            rows.rows.push(b'\n');
        }
        rows.entries.push(index);
        Ok(())
    }

    fn add_struct(
        &mut self,
        index: usize,
        value: &Struct,
        misfits: &mut HashMap<usize, ConnectError>,
    ) -> Result<(), ConnectError> {
        if self.settings.binary_bypassed {
            let (table, known, rules) = (self.table, self.known, self.rules);
            let rows = self.rows_of(Form::Json);
            let start = rows.rows.len();
            json::structure(value, table, known, &rules, &mut rows.rows).inspect_err(|_| rows.rows.truncate(start))?;
            rows.entries.push(index);
            return Ok(());
        }
        let address = Arc::as_ptr(&value.schema) as usize;
        if let Some(error) = misfits.get(&address) {
            return Err(error.clone());
        }
        let plan = match self.plans.iter().rposition(|plan| plan.is_for(self.table, &value.schema)) {
            Some(plan) => plan,
            None => {
                let plan = Plan::new(self.table, &value.schema).inspect_err(|error| {
                    misfits.insert(address, error.clone());
                })?;
                self.plans.push(plan);
                self.plans.len() - 1
            }
        };
        let Some(first) = self.plans.iter().position(|other| other.joins(&self.plans[plan])) else { return Ok(()) };
        let rules = self.rules;
        let at = self.place(Form::Binary(first));
        let rows = &mut self.pieces[at].1;
        if rows.entries.is_empty() {
            rows.rows.clear();
            self.plans[plan].header(&mut rows.rows);
        }
        self.plans[plan].row(value, &rules, &mut rows.rows)?;
        rows.entries.push(index);
        Ok(())
    }

    /// The rows of a form.
    fn rows_of(&mut self, form: Form) -> &mut Piece {
        let at = self.place(form);
        &mut self.pieces[at].1
    }

    fn place(&mut self, form: Form) -> usize {
        self.pieces.iter().position(|(known, _)| *known == form).unwrap_or_else(|| {
            let mut rows = std::mem::take(&mut self.spare);
            rows.clear();
            rows.reserve(self.expected);
            self.pieces.push((form, Piece { rows, ..Piece::default() }));
            self.pieces.len() - 1
        })
    }

    fn statement(&self, form: Form) -> String {
        let format = match form {
            Form::Binary(plan) => return self.plans[plan].statement(),
            Form::Json => "JSONEachRow",
            Form::Text => match self.settings.insert_format {
                InsertFormat::Csv => "CSV",
                InsertFormat::Tsv => "TSV",
                InsertFormat::None | InsertFormat::Json => "JSONEachRow",
            },
        };
        format!("INSERT INTO {} FORMAT {format}", self.table.full_name)
    }
}
