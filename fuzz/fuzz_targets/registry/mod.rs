//! A schema registry within the process, and the converters that ask it.

use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};

use longshore_api::{Data, ErrorKind, Props};
use longshore_formats::{Converter, plugin};
use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};

/// The converters, each with the name that the registry has for its schemas.
const CLASSES: [(&str, &str); 3] = [
    ("io.confluent.connect.avro.AvroConverter", "AVRO"),
    ("io.confluent.connect.protobuf.ProtobufConverter", "PROTOBUF"),
    ("io.confluent.connect.json.JsonSchemaConverter", "JSON"),
];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// A registry and its converters.
pub(crate) struct Formats {
    registry: Arc<Mutex<Vec<(String, &'static str)>>>,
    converters: Vec<Arc<dyn Converter>>,
}

impl Formats {
    pub(crate) fn new() -> Self {
        let registry = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::clone(&registry);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&connection, &shared));
            }
        });
        let converters = CLASSES.iter().map(|(class, _)| {
            let props = [("schema.registry.url", &*url), ("schemas.cache.size", "100")];
            let props: Props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            plugin(class).unwrap().new_converter(&props, false).unwrap().unwrap()
        });
        Self { converters: converters.collect(), registry }
    }

    /// The index of a format by any number.
    pub(crate) fn index(&self, number: u8) -> usize {
        usize::from(number) % self.converters.len()
    }

    /// Adds a schema of the format of an index, and gives its id.
    pub(crate) fn add(&self, format: usize, schema: &str) -> i32 {
        register(&self.registry, schema.to_owned(), CLASSES[format].1)
    }

    /// Reads what follows the id in a record. What can be read and written is read again.
    pub(crate) fn read(&self, format: usize, id: i32, body: &[u8]) {
        let converter = &*self.converters[format];
        let record = [&[0][..], &id.to_be_bytes(), body].concat();
        let Some(data) = supplied(converter, || converter.to_connect("topic", Some(&record))) else { return };
        if let Some(written) = supplied(converter, || write(converter, &data)) {
            let again = supplied(converter, || converter.to_connect("topic", written.as_deref()));
            assert!(again.is_some(), "{}: {written:?} was written for {data:?}", converter.class());
        }
    }
}

fn write(converter: &dyn Converter, data: &Data) -> longshore_api::Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    Ok(converter.from_connect("topic", data, &mut out)?.then_some(out))
}

/// As a task converts: what lacks is supplied, then it is tried again. The registry always answers.
fn supplied<T>(converter: &dyn Converter, convert: impl Fn() -> longshore_api::Result<T>) -> Option<T> {
    loop {
        match convert() {
            Ok(done) => return Some(done),
            Err(error) if error.kind == ErrorKind::Retriable => assert!(RUNTIME.block_on(converter.supply()).unwrap()),
            Err(_) => return None,
        }
    }
}

/// Ids are places in the list, from 1 on.
fn register(registry: &Mutex<Vec<(String, &'static str)>>, schema: String, kind: &'static str) -> i32 {
    let mut schemas = registry.lock().unwrap();
    let known = schemas.iter().position(|(text, of)| *text == schema && *of == kind);
    let index = known.unwrap_or_else(|| {
        schemas.push((schema, kind));
        schemas.len() - 1
    });
    i32::try_from(index + 1).unwrap()
}

fn serve(connection: &TcpStream, registry: &Mutex<Vec<(String, &'static str)>>) -> Result<()> {
    let mut reader = BufReader::new(connection);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (status, answer) = answer(&line, &serde_json::from_slice(&body).unwrap_or_default(), registry);
        let answer = answer.to_string();
        // In one piece: the next would wait until the first is acknowledged, 40 ms.
        let whole = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        (&mut &*connection).write_all(whole.as_bytes())?;
    }
}

fn answer(line: &str, asked: &Json, registry: &Mutex<Vec<(String, &'static str)>>) -> (u16, Json) {
    if let Some(rest) = line.strip_prefix("GET /schemas/ids/") {
        let id: usize = rest.split(['?', ' ']).next().and_then(|id| id.parse().ok()).unwrap_or_default();
        if let Some((schema, kind)) = id.checked_sub(1).and_then(|index| registry.lock().unwrap().get(index).cloned()) {
            return (200, json!({ "schema": schema, "schemaType": kind }));
        }
    }
    if line.starts_with("POST /subjects/topic-value/versions") {
        let kind = asked["schemaType"].as_str().unwrap_or("AVRO");
        let kind = CLASSES.iter().map(|(_, known)| *known).find(|known| *known == kind).unwrap();
        return (200, json!({ "id": register(registry, asked["schema"].as_str().unwrap().to_owned(), kind) }));
    }
    (404, json!({ "error_code": 40403, "message": "Schema not found" }))
}
